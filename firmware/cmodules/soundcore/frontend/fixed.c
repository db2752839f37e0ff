#include "frontend/fixed.h"

#define ONE_Q30 ((int64_t)1 << 30)
#define LN2_Q30 (744261118)      // ln(2)
#define HALF_PI_Q30 (1686629713) // pi / 2

int32_t sc_fixed_log2(uint32_t x) {
    int32_t whole = 31;
    while (!(x >> 31)) {
        x <<= 1;
        whole--;
    }
    // Squaring the mantissa doubles its logarithm: each overflow past 2 is one more bit of the fraction.
    uint64_t y = x; // Q31, 1 <= y < 2
    int32_t fraction = 0;
    for (int bit = 0; bit < 24; bit++) {
        y = (y * y) >> 31;
        fraction <<= 1;
        if (y >> 32) {
            y >>= 1;
            fraction |= 1;
        }
    }
    return whole * (1 << 24) + fraction;
}

// 2^x in Q30 for x in Q24, 0 <= x < 1: the exponential series in Horner form, whose last term is below 2^-33.
static int64_t exp2_fraction(int32_t x) {
    int64_t t = ((int64_t)x * LN2_Q30) >> 24;
    int64_t r = ONE_Q30;
    for (uint32_t n = 12; n >= 1; n--) {
        r = ONE_Q30 + (uint32_t)((t * r) >> 30) / n; // t < 1, r < 2
    }
    return r;
}

uint64_t sc_fixed_exp2(int32_t x) {
    int32_t whole = x >> 24;
    uint64_t r = (uint64_t)exp2_fraction(x & 0xffffff);
    return whole >= 0 ? r << whole : r >> -whole;
}

sc_fixed_factor_t sc_fixed_factor(int32_t x) {
    sc_fixed_factor_t f;
    f.exponent = (x >> 24) + 1;
    f.mantissa = (int32_t)((exp2_fraction(x & 0xffffff) + (1 << 15)) >> 16);
    return f;
}

int32_t sc_fixed_sin(uint32_t num, uint32_t den) {
    int64_t x = (int64_t)HALF_PI_Q30 * num / den;
    int64_t xx = (x * x) >> 30;
    int64_t r = ONE_Q30;
    // Taylor series in Horner form; the first term left out is below 2^-37 at pi / 2.
    for (uint32_t n = 7; n >= 1; n--) {
        r = ONE_Q30 - (uint32_t)((xx * r) >> 30) / (2 * n * (2 * n + 1)); // xx < 4, r <= 1
    }
    return (int32_t)((x * r) >> 30);
}
