#include "json.h"

#include <string.h>

#define JSON_DEPTH (8)

// Every function here takes a position, never reads at or past end, and returns the position after what it
// matched, or NULL. Once sc_json_parse has succeeded, the same functions only step over what they accepted.

static const char *skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    return p;
}

static int is_digit(const char *p, const char *end) {
    return p < end && *p >= '0' && *p <= '9';
}

static int is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *skip_digits(const char *p, const char *end) {
    if (!is_digit(p, end)) {
        return NULL;
    }
    while (is_digit(p, end)) {
        p++;
    }
    return p;
}

static const char *skip_escape(const char *p, const char *end) {
    if (p == end) {
        return NULL;
    }
    if (*p != 'u') {
        return memchr("\"\\/bfnrt", *p, 8) ? p + 1 : NULL;
    }
    p++;
    for (int i = 0; i < 4; i++, p++) {
        if (p == end || !is_hex(*p)) {
            return NULL;
        }
    }
    return p;
}

static const char *skip_string(const char *p, const char *end) {
    if (p == end || *p != '"') {
        return NULL;
    }
    p++;
    while (p && p < end && *p != '"') {
        if ((unsigned char)*p < 0x20) {
            return NULL;
        }
        p = *p == '\\' ? skip_escape(p + 1, end) : p + 1;
    }
    return p && p < end ? p + 1 : NULL;
}

static const char *skip_number(const char *p, const char *end) {
    if (p < end && *p == '-') {
        p++;
    }
    if (p < end && *p == '0') {
        p++;
    } else {
        p = skip_digits(p, end);
    }
    if (p && p < end && *p == '.') {
        p = skip_digits(p + 1, end);
    }
    if (p && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        p = skip_digits(p, end);
    }
    return p;
}

static const char *skip_word(const char *p, const char *end, const char *word) {
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const char *skip_value(const char *p, const char *end, int depth);

// Objects and arrays differ only in their brackets and in the key before each value.
static const char *skip_container(const char *p, const char *end, int depth) {
    int object = *p == '{';
    char close = object ? '}' : ']';
    if (depth == 0) {
        return NULL;
    }
    p = skip_space(p + 1, end);
    if (p < end && *p == close) {
        return p + 1;
    }
    for (;;) {
        if (object) {
            p = skip_string(skip_space(p, end), end);
            if (!p) {
                return NULL;
            }
            p = skip_space(p, end);
            if (p == end || *p != ':') {
                return NULL;
            }
            p++;
        }
        p = skip_value(skip_space(p, end), end, depth - 1);
        if (!p) {
            return NULL;
        }
        p = skip_space(p, end);
        if (p == end || (*p != ',' && *p != close)) {
            return NULL;
        }
        if (*p++ == close) {
            return p;
        }
    }
}

static const char *skip_value(const char *p, const char *end, int depth) {
    if (p == end) {
        return NULL;
    }
    switch (*p) {
        case '{':
        case '[':
            return skip_container(p, end, depth);
        case '"':
            return skip_string(p, end);
        case 't':
            return skip_word(p, end, "true");
        case 'f':
            return skip_word(p, end, "false");
        case 'n':
            return skip_word(p, end, "null");
        default:
            return skip_number(p, end);
    }
}

int sc_json_parse(const void *text, size_t length, sc_json_t *value) {
    const char *start = text;
    const char *end = start + length;
    value->at = skip_space(start, end);
    value->end = skip_value(value->at, end, JSON_DEPTH);
    return value->end && skip_space(value->end, end) == end;
}

// Steps to the next element of a container; p is past the bracket or the previous element.
static const char *next_element(const char *p, const char *end) {
    p = skip_space(p, end);
    if (p < end && *p == ',') {
        p = skip_space(p + 1, end);
    }
    return p < end && *p != ']' && *p != '}' ? p : NULL;
}

int sc_json_member(sc_json_t object, const char *key, sc_json_t *value) {
    size_t n = strlen(key);
    const char *end = object.end;
    if (object.at == end || *object.at != '{') {
        return 0;
    }
    for (const char *p = next_element(object.at + 1, end); p; p = next_element(p, end)) {
        const char *name = p + 1;
        p = skip_string(p, end);
        int same = p && (size_t)(p - 1 - name) == n && memcmp(name, key, n) == 0;
        p = p ? skip_space(p, end) : NULL;
        p = p && p < end ? skip_space(p + 1, end) : NULL; // the colon
        const char *after = p ? skip_value(p, end, JSON_DEPTH) : NULL;
        if (!after) {
            return 0;
        }
        if (same) {
            value->at = p;
            value->end = after;
            return 1;
        }
        p = after;
    }
    return 0;
}

int sc_json_item(sc_json_t array, size_t index, sc_json_t *value) {
    const char *end = array.end;
    if (array.at == end || *array.at != '[') {
        return 0;
    }
    for (const char *p = next_element(array.at + 1, end); p; p = next_element(p, end)) {
        const char *after = skip_value(p, end, JSON_DEPTH);
        if (!after) {
            return 0;
        }
        if (index-- == 0) {
            value->at = p;
            value->end = after;
            return 1;
        }
        p = after;
    }
    return 0;
}

int sc_json_count(sc_json_t array, size_t *count) {
    const char *end = array.end;
    size_t n = 0;
    if (array.at == end || *array.at != '[') {
        return 0;
    }
    for (const char *p = next_element(array.at + 1, end); p; p = next_element(p, end)) {
        p = skip_value(p, end, JSON_DEPTH);
        if (!p) {
            return 0;
        }
        n++;
    }
    *count = n;
    return 1;
}

int sc_json_int(sc_json_t value, int32_t *number) {
    const char *p = value.at;
    int negative = p < value.end && *p == '-';
    int64_t n = 0;
    p += negative;
    if (!is_digit(p, value.end)) {
        return 0;
    }
    for (; p < value.end; p++) {
        if (!is_digit(p, value.end)) {
            return 0;
        }
        n = n * 10 + (*p - '0');
        if (n > INT32_MAX) {
            return 0;
        }
    }
    *number = (int32_t)(negative ? -n : n);
    return 1;
}
