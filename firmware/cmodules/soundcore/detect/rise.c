#include "detect/rise.h"

#include <string.h>
#include "hot.h"

#define FRAMES (8)        // of a step, at most, are looked at
#define BLOCK_MS (1000)
#define FALL_MS (7000)
#define KEEP (8)          // blocks for which an event's background counts after its end
#define FINE (6)          // bits after the point of a rise's top
#define LEAST_DB (8)      // a sound that never rises so far tells nothing
#define FLOOR_DB (6)      // what rises less is no longer the sound
#define MOST_BLOCKS (1 << 30)

static int32_t min32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static int32_t max32(int32_t a, int32_t b) {
    return a > b ? a : b;
}

// floor(sqrt(x)), x < 2^31
static int32_t root(int32_t x) {
    int32_t r = 0;
    for (int32_t bit = 1 << 15; bit != 0; bit >>= 1) {
        int32_t next = r | bit;
        if (next <= x / next) {
            r = next;
        }
    }
    return r;
}

SC_COLD void sc_levels_init(sc_levels_t *l, const int8_t *features, int32_t frames,
                            const sc_frontend_settings_t *frontend, int32_t step_samples) {
    int32_t width = frontend->coefficients ? frontend->coefficients : frontend->bands;
    int32_t groups = frontend->coefficients ? 1 : min32(SC_LEVEL_GROUPS, width);
    // Windows that overlap hear each sample more than once.
    int32_t stride = max32(max32(1, frontend->window / frontend->hop), (frames + FRAMES - 1) / FRAMES);
    int32_t first = min32(stride, frames) - 1;
    int32_t used = (frames - first + stride - 1) / stride;
    l->features = features;
    l->width = (uint16_t)width;
    l->frames = (uint16_t)frames;
    l->first = (uint16_t)first;
    l->stride = (uint16_t)stride;
    l->groups = (uint16_t)groups;
    for (int32_t g = 0; g <= groups; g++) {
        // MFCC: the first coefficient in place of the bands, which is their mean.
        l->edges[g] = (uint16_t)(frontend->coefficients ? g : width * g / groups);
    }
    l->offset = 128 * used;
    l->db = max32(1, 1000 * used / frontend->step_mdb);
    if (frontend->coefficients) {
        // The first of an orthonormal transform is the mean times the root of the number of bands.
        l->db = max32(1, root(l->db * l->db * frontend->bands));
    }
    int32_t rate_hz = frontend->rate_hz;
    int32_t step_ms = max32(1, step_samples / rate_hz * 1000 + step_samples % rate_hz * 1000 / rate_hz);
    l->block_steps = max32(1, BLOCK_MS / step_ms);
    l->fall = max32(2, FALL_MS / step_ms);
    memset(l->now, 0, sizeof(l->now));
    sc_levels_reset(l);
}

void sc_levels_reset(sc_levels_t *l) {
    l->blocks = l->steps = l->full = 0;
    memset(l->recent, 0, sizeof(l->recent));
    memset(l->sums[0], 0, sizeof(l->sums[0]));
}

static void add(sc_levels_t *l) {
    if (l->steps == l->block_steps) {
        // It wraps after 34 years; only its last bits, and which is larger, are asked for.
        l->blocks = l->blocks < MOST_BLOCKS ? l->blocks + 1 : l->blocks - 3;
        l->steps = 0;
        l->full = min32(3, l->full + 1);
        memset(l->sums[l->blocks & 3], 0, sizeof(l->sums[0]));
    }
    l->steps++;
    int32_t *block = l->sums[l->blocks & 3];
    for (int32_t g = 0; g < l->groups; g++) {
        int32_t level = l->now[g], fallen = l->recent[g] - level;
        block[g] += level;
        // Rounded up, so that it comes down whatever a step's length is.
        l->recent[g] = level + (fallen > 0 ? fallen - (fallen + l->block_steps) / (l->block_steps + 1) : 0);
    }
}

void sc_levels_step(sc_levels_t *l) {
    for (int32_t g = 0; g < l->groups; g++) {
        int32_t level = l->offset;
        for (int32_t f = l->first; f < l->frames; f += l->stride) {
            const int8_t *row = l->features + f * l->width, *end = row + l->edges[g + 1];
            int32_t most = -128;
            for (row += l->edges[g]; row < end; row++) {
                most = max32(most, *row);
            }
            level += most;
        }
        l->now[g] = level;
    }
    add(l);
}

// Writes the levels of 1 to 3 s ago, of two blocks the quieter; 0 if that is not known.
static int before(const sc_levels_t *l, int32_t *out /* (groups) */) {
    if (l->full < 2) {
        return 0;
    }
    const int32_t *older = l->sums[(l->blocks - 3) & 3], *newer = l->sums[(l->blocks - 2) & 3];
    for (int32_t g = 0; g < l->groups; g++) {
        out[g] = (l->full == 3 && older[g] < newer[g] ? older[g] : newer[g]) / l->block_steps;
    }
    return 1;
}

// How far levels rise above those before, in the group in which that is most.
static int32_t above(const sc_levels_t *l, const int32_t *levels, const int32_t *before) {
    int32_t most = -32768;
    for (int32_t g = 0; g < l->groups; g++) {
        most = max32(most, levels[g] - before[g]);
    }
    return most;
}

void sc_rise_forget(sc_rise_t *r) {
    r->kept = -1;
    memset(r->before, 0, sizeof(r->before));
    sc_rise_reset(r);
}

void sc_rise_reset(sc_rise_t *r) {
    r->known = r->first = r->fine = r->top = r->above = 0;
    r->age = -1;
}

void sc_rise_ended(sc_rise_t *r, const sc_levels_t *l) {
    if (r->known) {
        r->kept = l->blocks + KEEP;
    }
}

static void note(sc_rise_t *r, const sc_levels_t *l) {
    int32_t noted[SC_LEVEL_GROUPS];
    r->known = before(l, noted);
    r->age = 0;
    r->first = l->block_steps;
    r->fine = 0;
    if (r->known) {
        int kept = l->blocks <= r->kept;
        for (int32_t g = 0; g < l->groups; g++) {
            if (!kept || noted[g] < r->before[g]) {
                r->before[g] = noted[g];
            }
        }
        r->fine = max32(0, above(l, l->recent, r->before)) << FINE;
    }
    r->top = r->fine >> FINE;
}

void sc_rise_follow(sc_rise_t *r, const sc_levels_t *l, int waiting) {
    if (r->age < 0 || (waiting && r->age >= 4 * l->block_steps)) {
        note(r, l);
    }
    r->age += waiting;
    if (r->known) {
        int32_t fine = r->fine;
        r->above = above(l, l->now, r->before);
        int32_t more = r->above * (1 << FINE) - fine;
        if (more <= 0) {
            fine -= min32(-more, fine / l->fall);
        } else if (r->first || more <= max32(fine >> 1, (FLOOR_DB * l->db) << FINE)) {
            fine += more; // no more than what the sound itself stays above the half of
        } else {
            fine += more / l->block_steps;
        }
        r->fine = fine;
        r->top = fine >> FINE;
        r->first -= r->first != 0;
    }
}

int sc_rise_over(const sc_rise_t *r, const sc_levels_t *l) {
    return r->top >= LEAST_DB * l->db && (r->above < FLOOR_DB * l->db || r->above < r->top >> 1);
}

int sc_rise_back(const sc_rise_t *r, const sc_levels_t *l) {
    return r->top < LEAST_DB * l->db || r->above >= r->top - (r->top >> 3);
}

int sc_rise_again(const sc_rise_t *r, const sc_levels_t *l) {
    return r->above >= LEAST_DB * l->db && sc_rise_back(r, l);
}
