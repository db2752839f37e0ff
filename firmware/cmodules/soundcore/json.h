// Reading of a JSON text in place: bounded, no allocation. Numbers are 32-bit integers or skipped over.
#ifndef SND_JSON_H
#define SND_JSON_H

#include <stddef.h>
#include <stdint.h>

// A value inside the text: from its first character to one past its last.
typedef struct {
    const char *at;
    const char *end;
} snd_json_t;

// 1 and the document's value if text is one valid JSON document, nested at most 8 deep.
int snd_json_parse(const void *text, size_t length, snd_json_t *value);
// All of these take values of a parsed document; 1 if found and of the type, else 0.
int snd_json_member(snd_json_t object, const char *key, snd_json_t *value);
int snd_json_item(snd_json_t array, size_t index, snd_json_t *value);
int snd_json_count(snd_json_t array, size_t *count);
int snd_json_int(snd_json_t value, int32_t *number); // no fraction, no exponent

#endif
