// The level of the sound in dB relative to a full-scale sine (0 dBFS), for reports, from one sample in 64 or so.
//
// The gaps are irregular: with a fixed stride a tone near a multiple of rate / stride would seem constant.
// soundfw/detect/level.py is the definition, for boards without soundcore; the results are equal.
#ifndef SC_SOUND_LEVEL_H
#define SC_SOUND_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#define SC_SILENCE (-1200) // tenths of a dB: what digital silence shows

typedef struct {
    int32_t high;    // sum of the squares, in units of 2^15 …
    int32_t low;     // … and their rest
    int32_t count;
    uint32_t random;
    size_t next;     // the sample to look at
} sc_sound_level_t;

void sc_sound_level_init(sc_sound_level_t *l);
// Adds samples that follow the last ones.
void sc_sound_level_add(sc_sound_level_t *l, const int16_t *pcm, size_t n);
// Tenths of dBFS since the last read; over a long time the recent sound counts for more.
int32_t sc_sound_level_read(sc_sound_level_t *l);

#endif
