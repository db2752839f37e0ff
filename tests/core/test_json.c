// The JSON reader: what it accepts, what it refuses, and that it never reads past the end.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

// A copy of exactly n bytes on the heap, so that AddressSanitizer sees a read past the end.
static int parses(const char *text, size_t n) {
    char *copy = malloc(n ? n : 1);
    sc_json_t value;
    memcpy(copy, text, n);
    int ok = sc_json_parse(copy, n, &value);
    free(copy);
    return ok;
}

static void test_accepts_and_refuses(void) {
    static const char *const good[] = {
        "{}", "[]", " [ ] ", "0", "-1", "1.5e-3", "\"\"", "\"a\\u00e4\\n\"", "true", "false", "null",
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"]}\"}", "[[[[[[[[]]]]]]]]",
    };
    static const char *const bad[] = {
        "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "01", "1.", "-", "\"\\x\"", "\"\\u12g4\"", "tru",
        "[] []", "{\"a\":1,}", "\"\n\"", "[[[[[[[[[]]]]]]]]]", "nullx",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert(parses(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert(!parses(bad[i], strlen(bad[i])));
    }
}

static void test_every_truncation_is_refused(void) {
    const char *text = "{\"a\":[1,-2.5,{\"b\":null}],\"c\":\"x\\u00e4\",\"d\":true}";
    for (size_t n = 0; n < strlen(text); n++) {
        assert(!parses(text, n));
    }
}

static void test_finds_members_and_items(void) {
    const char *text = "{ \"ab\" : [ 10 , [ ] , {\"x\":7} ] , \"a\":-5, \"s\":\"a\", \"big\":2147483648, \"f\":1.0 }";
    sc_json_t root, value, item;
    size_t count;
    int32_t number;
    assert(sc_json_parse(text, strlen(text), &root));
    assert(sc_json_member(root, "a", &value) && sc_json_int(value, &number) && number == -5);
    assert(sc_json_member(root, "ab", &value) && sc_json_count(value, &count) && count == 3);
    assert(sc_json_item(value, 0, &item) && sc_json_int(item, &number) && number == 10);
    assert(sc_json_item(value, 1, &item) && sc_json_count(item, &count) && count == 0);
    assert(sc_json_item(value, 2, &item) && sc_json_member(item, "x", &item) && sc_json_int(item, &number)
           && number == 7);
    assert(!sc_json_item(value, 3, &item));
    assert(!sc_json_member(root, "b", &value));
    assert(!sc_json_member(value, "x", &item) && !sc_json_item(root, 0, &item) && !sc_json_count(root, &count));
    assert(sc_json_member(root, "s", &value) && !sc_json_int(value, &number));
    assert(sc_json_member(root, "big", &value) && !sc_json_int(value, &number));
    assert(sc_json_member(root, "f", &value) && !sc_json_int(value, &number));
}

static void test_random_damage_is_survived(void) {
    const char *text = "{\"soundsdk\":1,\"labels\":[\"a\",\"b\"],\"frontend\":{\"hop\":256},\"states\":[[1,2],[2,3]]}";
    size_t n = strlen(text);
    uint32_t seed = 1;
    for (int round = 0; round < 200000; round++) {
        char *copy = malloc(n);
        sc_json_t root, value, item;
        int32_t number;
        size_t count;
        memcpy(copy, text, n);
        for (int i = 0; i < 3; i++) {
            seed = seed * 1664525u + 1013904223u;
            copy[(seed >> 8) % n] = "{}[]\",:\\0-ue1x"[(seed >> 24) % 14];
        }
        if (sc_json_parse(copy, n, &root) && sc_json_member(root, "states", &value)) {
            if (sc_json_count(value, &count) && count) {
                assert(sc_json_item(value, count - 1, &item));
                sc_json_int(item, &number);
            }
        }
        free(copy);
    }
}

int main(void) {
    test_accepts_and_refuses();
    test_every_truncation_is_refused();
    test_finds_members_and_items();
    test_random_damage_is_survived();
    puts("json: 4 tests passed");
    return 0;
}
