#include "capture/adpcm.h"

#include <string.h>

#define HEAD (7)
#define BLOCK (128)
#define GROUP (16)
#define SCALES (96)
#define FRACTION (6) // bits of a coefficient after the point
#define VERSION (0x10)
#define PRODUCT_BITS (11) // of a sample in the sums: 128 squares stay below 2^29
#define SUM_BITS (27)     // of a sum: its products times 64 stay below 2^63
#define RETRIES (6)

typedef struct {
    int32_t a1, a2; // Q6
    int32_t x1, x2; // the two samples before, as the decoder has them
} predictor_t;

static int32_t clip16(int32_t x) {
    return x < -32768 ? -32768 : x > 32767 ? 32767 : x;
}

static int32_t step_of(int32_t i) {
    return i < 8 ? i + 1 : (9 + ((i - 8) & 7)) << ((i - 8) >> 3);
}

static int32_t predict(int32_t a1, int32_t a2, int32_t x1, int32_t x2) {
    return clip16((a1 * x1 + a2 * x2 + (1 << (FRACTION - 1))) >> FRACTION);
}

static int16_t sample_at(const void *pcm, size_t i) {
    int16_t x;
    memcpy(&x, (const char *)pcm + 2 * i, 2);
    return x;
}

static void put_sample(uint8_t *out, int32_t x) {
    out[0] = (uint8_t)(x & 255);
    out[1] = (uint8_t)(x >> 8 & 255);
}

static int32_t get_sample(const uint8_t *data) {
    return (int32_t)((uint32_t)(data[0] | data[1] << 8) ^ 0x8000) - 0x8000;
}

static size_t group_bytes(size_t samples, int32_t bits) {
    return 1 + (samples * (size_t)bits + 7) / 8;
}

size_t sc_adpcm_size(size_t samples, int32_t bits) {
    size_t left = samples > 2 ? samples - 2 : 0;
    size_t tail = left % GROUP;
    return HEAD + (left + BLOCK - 1) / BLOCK * 2 + left / GROUP * group_bytes(GROUP, bits)
        + (tail ? group_bytes(tail, bits) : 0);
}

// ---- encoder

static int32_t clip_coefficient(int64_t a) {
    return a < -127 ? -127 : a > 127 ? 127 : (int32_t)a;
}

// round(64 * num / den), den > 0
static int32_t coefficient(int64_t num, int64_t den) {
    num = num * (1 << FRACTION) + den / 2;
    return clip_coefficient(num >= 0 ? num / den : -((den - 1 - num) / den));
}

// Least squares of x[n] over x[n-1] and x[n-2] within the block: exact for a tone, however short the block is.
static void fit(predictor_t *p, const int16_t *x, size_t n) {
    uint32_t peak = (uint32_t)(p->x1 < 0 ? -p->x1 : p->x1) | (uint32_t)(p->x2 < 0 ? -p->x2 : p->x2);
    for (size_t i = 0; i < n; i++) {
        peak |= (uint32_t)(x[i] < 0 ? -x[i] : x[i]);
    }
    int shift = 0;
    while (peak >> shift >> PRODUCT_BITS) {
        shift++;
    }
    int32_t c01 = 0, c02 = 0, c11 = 0;
    int32_t first1 = p->x1 >> shift, first2 = p->x2 >> shift;
    int32_t x1 = first1, x2 = first2;
    for (size_t i = 0; i < n; i++) {
        int32_t x0 = x[i] >> shift;
        c01 += x0 * x1;
        c02 += x0 * x2;
        c11 += x1 * x1;
        x2 = x1;
        x1 = x0;
    }
    int32_t c12 = c01 - x1 * x2 + first1 * first2;
    int32_t c22 = c11 - x2 * x2 + first2 * first2;
    while ((c11 | c22) >> SUM_BITS) {
        c01 >>= 1;
        c02 >>= 1;
        c11 >>= 1;
        c12 >>= 1;
        c22 >>= 1;
    }
    int64_t det = (int64_t)c11 * c22 - (int64_t)c12 * c12;
    p->a1 = p->a2 = 0;
    if (det > 0) {
        p->a1 = coefficient((int64_t)c01 * c22 - (int64_t)c02 * c12, det);
        // The second makes up for rounding the first.
        p->a2 = coefficient((int64_t)c02 * (1 << FRACTION) - (int64_t)p->a1 * c12, (int64_t)c22 << FRACTION);
    } else if (c11 > 0) {
        p->a1 = coefficient(c01, c11);
    }
}

// The smallest step whose codes reach r.
static int32_t scale_for(int32_t r, int32_t half, int32_t i) {
    int32_t reach = r < 0 ? -r : r + 1;
    while (i < SCALES - 1 && step_of(i) * half < reach) {
        i++;
    }
    return i;
}

// Codes up to 16 samples with one step. Returns by how much the residual exceeded its reach at most.
static int32_t encode_group(predictor_t *p, const int16_t *x, size_t n, int32_t bits, int32_t i, uint8_t *out) {
    int32_t s = step_of(i), half = 1 << (bits - 1);
    // Rounded up, so that a multiple of s does not fall into the code below. |r| <= half * s: no product beyond 2^30.
    int32_t shift = 31 - bits;
    int32_t inverse = (int32_t)(((1u << shift) + (uint32_t)s - 1) / (uint32_t)s);
    int32_t beyond = 0;
    uint32_t word = 0;
    int filled = 0;
    *out++ = (uint8_t)i;
    for (size_t k = 0; k < n; k++) {
        int32_t guess = predict(p->a1, p->a2, p->x1, p->x2);
        int32_t r = x[k] - guess;
        int32_t c;
        if (r >= half * s) {
            beyond = r - half * s >= beyond ? r - half * s + 1 : beyond;
            c = half - 1;
        } else if (r < -half * s) {
            beyond = -half * s - r > beyond ? -half * s - r : beyond;
            c = -half;
        } else {
            c = s == 1 ? r : (r * inverse) >> shift;
            c = c < -half ? -half : c >= half ? half - 1 : c;
        }
        p->x2 = p->x1;
        p->x1 = clip16(guess + c * s + (s >> 1));
        word |= (uint32_t)(c + half) << filled;
        for (filled += bits; filled >= 8; filled -= 8) {
            *out++ = (uint8_t)(word & 255);
            word >>= 8;
        }
    }
    if (filled) {
        *out = (uint8_t)word;
    }
    return beyond;
}

static uint8_t *encode_block(predictor_t *p, const int16_t *x, size_t n, int32_t bits, uint8_t *out) {
    int32_t half = 1 << (bits - 1);
    fit(p, x, n);
    *out++ = (uint8_t)p->a1;
    *out++ = (uint8_t)p->a2;
    for (size_t at = 0; at < n; at += GROUP) {
        size_t count = n - at < GROUP ? n - at : GROUP;
        int32_t i = 0;
        int32_t x1 = p->x1, x2 = p->x2;
        for (size_t k = at; k < at + count; k++) {
            i = scale_for(x[k] - predict(p->a1, p->a2, x1, x2), half, i);
            x2 = x1;
            x1 = x[k];
        }
        // With decoded samples in place of the originals the residual changes, and may need a larger step.
        predictor_t before = *p;
        for (int tries = 0; encode_group(p, x + at, count, bits, i, out) > step_of(i) / 2; tries++) {
            if (tries == RETRIES || i == SCALES - 1) {
                break;
            }
            *p = before;
            i++;
        }
        out += group_bytes(count, bits);
    }
    return out;
}

sc_err_t sc_adpcm_encode(const void *pcm, size_t samples, int32_t bits, uint8_t *out) {
    if (bits < 3 || bits > 5) {
        return SC_E_ADPCM_BITS;
    }
    if (samples < 1 || samples > SC_ADPCM_MAX_SAMPLES) {
        return SC_E_ADPCM_COUNT;
    }
    predictor_t p = {0, 0, 0, sample_at(pcm, 0)};
    if (samples > 1) {
        p.x1 = sample_at(pcm, 1);
    }
    out[0] = (uint8_t)(VERSION + bits);
    put_sample(out + 1, (int32_t)samples);
    put_sample(out + 3, p.x2);
    put_sample(out + 5, p.x1);
    out += HEAD;
    int16_t block[BLOCK];
    for (size_t at = 2; at < samples; at += BLOCK) {
        size_t n = samples - at < BLOCK ? samples - at : BLOCK;
        memcpy(block, (const char *)pcm + 2 * at, 2 * n);
        out = encode_block(&p, block, n, bits, out);
    }
    return SC_OK;
}

// ---- decoder

sc_err_t sc_adpcm_samples(const uint8_t *data, size_t size, size_t *samples) {
    if (size < HEAD || data[0] < VERSION + 3 || data[0] > VERSION + 5) {
        return SC_E_ADPCM_DATA;
    }
    int32_t bits = data[0] - VERSION;
    size_t n = (size_t)(data[1] | data[2] << 8);
    if (n < 1 || size != sc_adpcm_size(n, bits)) {
        return SC_E_ADPCM_DATA;
    }
    size_t at = HEAD;
    for (size_t k = 2; k < n; k += GROUP) {
        size_t count = n - k < GROUP ? n - k : GROUP;
        at += (k - 2) % BLOCK == 0 ? 2 : 0;
        if (data[at] >= SCALES) {
            return SC_E_ADPCM_DATA;
        }
        at += group_bytes(count, bits);
    }
    *samples = n;
    return SC_OK;
}

void sc_adpcm_decode(const uint8_t *data, void *pcm) {
    int32_t bits = data[0] - VERSION, half = 1 << (bits - 1);
    size_t samples = (size_t)(data[1] | data[2] << 8);
    char *out = pcm;
    int32_t x2 = get_sample(data + 3), x1 = get_sample(data + 5);
    int32_t a1 = 0, a2 = 0, s = 1;
    int16_t x = (int16_t)x2;
    memcpy(out, &x, 2);
    if (samples > 1) {
        x = (int16_t)x1;
        memcpy(out + 2, &x, 2);
    }
    const uint8_t *in = data + HEAD;
    uint32_t word = 0;
    int filled = 0;
    for (size_t k = 2; k < samples; k++) {
        if ((k - 2) % BLOCK == 0) {
            a1 = (int8_t)in[0];
            a2 = (int8_t)in[1];
            in += 2;
        }
        if ((k - 2) % GROUP == 0) {
            s = step_of(*in++);
            word = 0;
            filled = 0;
        }
        if (filled < bits) {
            word |= (uint32_t)*in++ << filled;
            filled += 8;
        }
        int32_t c = (int32_t)(word & (uint32_t)(2 * half - 1)) - half;
        word >>= bits;
        filled -= bits;
        int32_t now = clip16(predict(a1, a2, x1, x2) + c * s + (s >> 1));
        x2 = x1;
        x1 = now;
        x = (int16_t)now;
        memcpy(out + 2 * k, &x, 2);
    }
}
