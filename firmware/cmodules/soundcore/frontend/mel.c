#include "frontend/mel.h"

#include "frontend/fixed.h"
#include "hot.h"
#include "frontend/log2.h"
#include "frontend/mel_sums.h"

#define BIN (1 << 16) // positions are in bins, Q16

// The triangle of a band: where it starts, peaks and ends, and the bins strictly inside.
typedef struct {
    int32_t left;
    int32_t centre;
    int32_t right;
    int32_t first;
    int32_t last;
} triangle_t;

// The points of the mel scale, bands + 2 that lie evenly on it. log2(700 + f) is mel up to a factor and an offset.
typedef struct {
    const sc_frontend_settings_t *settings;
    int32_t low, range; // log2(1 + f / 700) of the first point; from there to the last one
    int32_t next;       // point
    int32_t centre, right; // points of the band before
} scale_t;

static int32_t next_point(scale_t *scale) {
    const sc_frontend_settings_t *s = scale->settings;
    int32_t at = scale->low + (int32_t)((int64_t)scale->range * scale->next++ / (s->bands + 1));
    int64_t ratio = (int64_t)sc_fixed_exp2(at) - ((int64_t)1 << 30); // f / 700, Q30
    return (int32_t)((ratio * (700 * s->fft) / s->rate_hz + (1 << 13)) >> 14);
}

static scale_t scale_of(const sc_frontend_settings_t *s) {
    scale_t scale = {.settings = s, .low = sc_fixed_log2((uint32_t)(700 + s->low_hz)) - sc_fixed_log2(700)};
    scale.range = sc_fixed_log2((uint32_t)(700 + s->high_hz)) - sc_fixed_log2((uint32_t)(700 + s->low_hz));
    scale.centre = next_point(&scale);
    scale.right = next_point(&scale);
    return scale;
}

static triangle_t next_triangle(scale_t *scale) {
    const sc_frontend_settings_t *s = scale->settings;
    triangle_t t = {.left = scale->centre, .centre = scale->right, .right = next_point(scale)};
    scale->centre = t.centre;
    scale->right = t.right;
    if (t.left > t.centre - BIN) {
        t.left = t.centre - BIN;
    }
    if (t.right < t.centre + BIN) {
        t.right = t.centre + BIN;
    }
    t.first = (t.left >> 16) + 1;
    t.last = ((t.right + BIN - 1) >> 16) - 1;
    if (t.first < 0) {
        t.first = 0;
    }
    if (t.last > s->fft / 2) {
        t.last = s->fft / 2;
    }
    return t;
}

size_t sc_mel_count(const sc_frontend_settings_t *settings) {
    size_t count = 0;
    scale_t scale = scale_of(settings);
    for (int32_t band = 0; band < settings->bands; band++) {
        triangle_t t = next_triangle(&scale);
        count += (size_t)(t.last - t.first + 1);
    }
    return count;
}

void sc_mel_init(const sc_frontend_settings_t *settings, sc_mel_band_t *bands, uint16_t *weights) {
    scale_t scale = scale_of(settings);
    for (int32_t band = 0; band < settings->bands; band++) {
        triangle_t t = next_triangle(&scale);
        bands[band].first = (uint16_t)t.first;
        bands[band].count = (uint16_t)(t.last - t.first + 1);
        for (int32_t bin = t.first; bin <= t.last; bin++) {
            int32_t at = bin * BIN;
            int64_t rise = at <= t.centre ? at - t.left : t.right - at;
            int64_t half = at <= t.centre ? t.centre - t.left : t.right - t.centre;
            *weights++ = (uint16_t)(((rise << 16) / half + 1) >> 1);
        }
    }
}

#define EXPONENT_ZERO (28) // exponent of a bin that needed no shift

#if !SC_MEL_ASSEMBLER
static inline uint32_t magnitude(int32_t x) {
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

// An even shift brings the larger part to 14 or 15 bits: the sum of the squares stays below 2^31, and its upper 16 bits
// are kept, at least 11 of them significant.
SC_HOT void sc_mel_square(const sc_fft_complex_t *bins, uint32_t *powers, uint32_t n) {
    for (const sc_fft_complex_t *end = bins + n; bins < end; bins++) {
        uint32_t re = magnitude(bins->re);
        uint32_t im = magnitude(bins->im);
        uint32_t both = re | im;
        uint32_t top = both >> 15;
        uint32_t shift = 0;
        uint32_t exponent = EXPONENT_ZERO;
        if (top) {
            if (top >> 8) {
                top >>= 8;
                shift = 8;
            }
            if (top >> 4) {
                top >>= 4;
                shift += 4;
            }
            if (top >> 2) {
                shift += 2;
            }
            shift += 2;
            re >>= shift;
            im >>= shift;
            exponent += 2 * shift;
        } else {
            if (!(both >> 7)) {
                both <<= 8;
                shift = 8;
            }
            if (!(both >> 11)) {
                both <<= 4;
                shift += 4;
            }
            if (!(both >> 13)) {
                shift += 2;
            }
            re <<= shift;
            im <<= shift;
            exponent -= 2 * shift;
        }
        *powers++ = (re * re + im * im) >> 15 | exponent << 16;
    }
}

// The sum of |X|^2 * weight, and in the upper word the exponent of its unit.
static inline uint64_t sc_mel_sum(const uint32_t *powers, const uint16_t *weights, uint32_t count) {
    uint32_t highest = 0;
    const uint32_t *end = powers + count;
    for (const uint32_t *p = powers; p < end; p++) {
        if (*p > highest) {
            highest = *p;
        }
    }
    highest >>= 16;
    // Room for the carries of the sum: a product is below 2^31, so is the sum of `count` once shifted.
    for (uint32_t room = 1; room < count; room *= 2) {
        highest++;
    }
    uint32_t sum = 0;
    for (; powers < end; powers++, weights++) {
        uint32_t down = highest - (*powers >> 16);
        if (down < 31) {
            sum += (*powers & 0xffff) * *weights >> down;
        }
    }
    return (uint64_t)highest << 32 | sum;
}
#endif

SC_HOT void sc_mel_levels(const uint32_t *powers, const sc_mel_band_t *bands, const uint16_t *weights, uint32_t n,
    int32_t *levels) {
    for (const sc_mel_band_t *end = bands + n; bands < end; bands++) {
        uint64_t scaled = sc_mel_sum(powers + bands->first, weights, bands->count);
        uint32_t sum = (uint32_t)scaled;
        *levels++ = sum ? sc_log2_q15(sum) + ((int32_t)(scaled >> 32) - EXPONENT_ZERO) * (1 << 15) : 0;
        weights += bands->count;
    }
}
