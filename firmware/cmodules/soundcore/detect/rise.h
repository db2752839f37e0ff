// The rise of a sound above what was heard before it, by which an event ends with its sound.
// soundfw/detect/rise.py is the definition, with the reasons; the results are equal.
#ifndef SC_RISE_H
#define SC_RISE_H

#include <stdint.h>
#include "frontend/frontend.h"

#define SC_LEVEL_GROUPS (5) // of neighbouring bands, at most

// The level of each group of bands in the newest step, and what it was before.
typedef struct {
    const int8_t *features;    // (frames, width), of the newest step
    uint16_t width;
    uint16_t frames;
    uint16_t first, stride;    // of the frames that are looked at
    uint16_t edges[SC_LEVEL_GROUPS + 1];
    uint16_t groups;
    int32_t offset;
    int32_t db;                // this many are a decibel
    int32_t block_steps;
    int32_t fall;              // steps after which an event's rise is forgotten
    int32_t blocks;            // that have been begun since the start, less one
    int32_t steps;             // in the block that grows
    int32_t full;              // blocks that can be looked back on, 3 at most
    int32_t now[SC_LEVEL_GROUPS];
    int32_t recent[SC_LEVEL_GROUPS];
    int32_t sums[4][SC_LEVEL_GROUPS];
} sc_levels_t;

// The rise of one label's sound.
typedef struct {
    int32_t before[SC_LEVEL_GROUPS];
    int32_t fine;     // top, with bits after the point
    int32_t top;
    int32_t above;
    int32_t age;      // steps since the background was noted; -1: it is not
    int32_t first;    // steps left of the sound's first second
    int32_t kept;     // the block until whose end the background of the last event counts
    int32_t known;
} sc_rise_t;

// features: (frames, width) that the stream overwrites at each step.
void sc_levels_init(sc_levels_t *l, const int8_t *features, int32_t frames, const sc_frontend_settings_t *frontend,
                    int32_t step_samples);
void sc_levels_reset(sc_levels_t *l);
// Measures the step that the features are of.
void sc_levels_step(sc_levels_t *l);

// Forgets all, as at the start.
void sc_rise_forget(sc_rise_t *r);
// Forgets the sound; what was before an event that has just ended is kept for a while.
void sc_rise_reset(sc_rise_t *r);
// Takes note of an event's end.
void sc_rise_ended(sc_rise_t *r, const sc_levels_t *l);
// Measures a step. waiting: no event has begun.
void sc_rise_follow(sc_rise_t *r, const sc_levels_t *l, int waiting);
// 1 if the sound has fallen to less than half of its rise in dB, or to its background.
int sc_rise_over(const sc_rise_t *r, const sc_levels_t *l);
// 1 unless the sound is known to be quieter than it was.
int sc_rise_back(const sc_rise_t *r, const sc_levels_t *l);
// 1 if the sound is known to be as loud as it was.
int sc_rise_again(const sc_rise_t *r, const sc_levels_t *l);

#endif
