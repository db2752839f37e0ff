// Reads JSON in place, bounded and without allocation. Numbers other than 32-bit integers are skipped.
#ifndef SC_JSON_H
#define SC_JSON_H

#include <stddef.h>
#include <stdint.h>

// A value inside the text: from its first character to one past its last.
typedef struct {
    const char *at;
    const char *end;
} sc_json_t;

// 1 and the document's value if text is one valid JSON document, nested at most 8 deep.
int sc_json_parse(const void *text, size_t length, sc_json_t *value);
// All of these take values of a parsed document; 1 if found and of the type, else 0.
int sc_json_member(sc_json_t object, const char *key, sc_json_t *value);
int sc_json_item(sc_json_t array, size_t index, sc_json_t *value);
int sc_json_count(sc_json_t array, size_t *count);
int sc_json_int(sc_json_t value, int32_t *number); // no fraction, no exponent

#endif
