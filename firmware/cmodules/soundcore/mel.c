#include "mel.h"

#include "fixed.h"

#define BIN (1 << 16) // positions are in bins, Q16

// The triangle of a band: where it starts, peaks and ends, and the bins strictly inside.
typedef struct {
    int32_t left;
    int32_t centre;
    int32_t right;
    int32_t first;
    int32_t last;
} triangle_t;

// Point i of bands + 2 that lie evenly on the mel scale. log2(700 + f) is mel but for factor and offset.
static int32_t position(const snd_frontend_settings_t *s, int32_t i) {
    int32_t zero = snd_fixed_log2(700);
    int32_t low = snd_fixed_log2((uint32_t)(700 + s->low_hz)) - zero;
    int32_t high = snd_fixed_log2((uint32_t)(700 + s->high_hz)) - zero;
    int32_t at = low + (int32_t)((int64_t)(high - low) * i / (s->bands + 1));
    int64_t ratio = (int64_t)snd_fixed_exp2(at) - ((int64_t)1 << 30); // f / 700, Q30
    return (int32_t)((ratio * (700 * s->fft) / s->rate_hz + (1 << 13)) >> 14);
}

static triangle_t triangle(const snd_frontend_settings_t *s, int32_t band) {
    triangle_t t;
    t.left = position(s, band);
    t.centre = position(s, band + 1);
    t.right = position(s, band + 2);
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

size_t snd_mel_count(const snd_frontend_settings_t *settings) {
    size_t count = 0;
    for (int32_t band = 0; band < settings->bands; band++) {
        triangle_t t = triangle(settings, band);
        count += (size_t)(t.last - t.first + 1);
    }
    return count;
}

void snd_mel_init(const snd_frontend_settings_t *settings, snd_mel_band_t *bands, uint16_t *weights) {
    for (int32_t band = 0; band < settings->bands; band++) {
        triangle_t t = triangle(settings, band);
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

static inline uint32_t magnitude(int32_t x) {
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

void snd_mel_square(snd_mel_bin_t *bins, uint32_t n) {
    for (snd_mel_bin_t *end = bins + n; bins < end; bins++) {
        uint32_t re = magnitude(bins->value.re);
        uint32_t im = magnitude(bins->value.im);
        // The smallest shift that brings both below 2^15, so that the squares add up below 2^31.
        uint32_t top = (re | im) >> 15;
        uint32_t shift = 0;
        if (top >> 8) {
            top >>= 8;
            shift = 8;
        }
        if (top >> 4) {
            top >>= 4;
            shift += 4;
        }
        if (top >> 2) {
            top >>= 2;
            shift += 2;
        }
        shift += top > 1 ? 2 : top;
        re >>= shift;
        im >>= shift;
        bins->power.mantissa = re * re + im * im;
        bins->power.shift = 2 * shift;
    }
}

uint64_t snd_mel_sum(const snd_mel_bin_t *bins, const uint16_t *weights, uint32_t count) {
    uint64_t sum = 0;
    for (; count; count--, bins++, weights++) {
        uint32_t m = bins->power.mantissa;
        uint32_t shift = bins->power.shift;
        uint32_t w = *weights;
        uint32_t product = (m >> 16) * w + (((m & 0xffff) * w) >> 16); // m * w / 2^16
        // product << shift by words, as small cores call a routine for 64-bit shifts; shift <= 30.
        uint32_t high = (product >> 1) >> (31 - shift);
        sum += (uint64_t)high << 32 | product << shift;
    }
    return sum;
}
