#include "frontend/dct.h"

// Products are kept with this many bits below the input's unit: 128 bands * 2^15 * 2^8 = 2^30.
#define EXTRA_BITS (8)

void sc_dct_init(sc_dct_t *dct, int32_t bands, int32_t coefficients, int32_t log2_unit, uint16_t *cosine) {
    int32_t log2_bands = sc_fixed_log2((uint32_t)bands);
    dct->bands = bands;
    dct->coefficients = coefficients;
    dct->first = sc_fixed_factor(log2_unit - log2_bands / 2);
    dct->others = sc_fixed_factor(log2_unit + ((1 << 24) - log2_bands) / 2);
    for (int32_t j = 0; j <= bands; j++) {
        cosine[j] = (uint16_t)((sc_fixed_sin((uint32_t)(bands - j), (uint32_t)bands) + (1 << 14)) >> 15);
    }
    dct->cosine = cosine;
}

static int8_t scale(int32_t sum, sc_fixed_factor_t f, int32_t offset) {
    int32_t shift = EXTRA_BITS - f.exponent; // 10..24 for the steps a frontend allows
    int32_t q = ((sc_fixed_mul_q15(sum, f.mantissa) + (1 << (shift - 1))) >> shift) + offset;
    return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
}

void sc_dct_run(const sc_dct_t *dct, int32_t *values, int8_t *out) {
    int32_t bands = dct->bands;
    int32_t half = bands / 2;
    const uint16_t *cosine = dct->cosine;
    int32_t total = 0;
    // cos(pi k (2b + 1) / (2 bands)) of bands b and bands - 1 - b are equal for even k and opposite for odd k:
    // sums go to the front, differences to the back. A middle band has no partner and counts for even k only.
    for (int32_t b = 0; b < half; b++) {
        int32_t v = values[b];
        int32_t mirror = values[bands - 1 - b];
        values[b] = v + mirror;
        values[bands - 1 - b] = v - mirror;
        total += v + mirror;
    }
    total += bands & 1 ? values[half] : 0;
    out[0] = scale(total * (1 << EXTRA_BITS), dct->first, -128);
    for (int32_t k = 1; k < dct->coefficients; k++) {
        const int32_t *v = k & 1 ? values + bands - 1 : values;
        int32_t step = k & 1 ? -1 : 1;
        int32_t count = k & 1 ? half : bands - half;
        int32_t j = k; // k (2b + 1) modulo 4 bands: a whole turn
        int32_t sum = 0;
        for (; count; count--, v += step) {
            int32_t c;
            if (j <= bands) {
                c = cosine[j];
            } else if (j <= 2 * bands) {
                c = -(int32_t)cosine[2 * bands - j];
            } else if (j <= 3 * bands) {
                c = -(int32_t)cosine[j - 2 * bands];
            } else {
                c = cosine[4 * bands - j];
            }
            sum += (*v * c + (1 << (14 - EXTRA_BITS))) >> (15 - EXTRA_BITS);
            j += 2 * k;
            if (j >= 4 * bands) {
                j -= 4 * bands;
            }
        }
        out[k] = scale(sum, dct->others, 0);
    }
}
