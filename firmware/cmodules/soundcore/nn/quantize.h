// Fixed-point multipliers of TensorFlow Lite Micro, with the names of gemmlowp's functions: a real factor is
// m * 2^(shift - 31) with m in [2^30, 2^31), and a product is rounded twice, once to 32 bits and once by the shift.
#ifndef SC_QUANTIZE_H
#define SC_QUANTIZE_H

#include <stdint.h>
#include <string.h>
#include "error.h"
#include "frontend/fixed.h"

typedef struct {
    int32_t multiplier;
    int32_t shift; // positive: left
} sc_quantized_multiplier_t;

// Quantizes a * b / c, computed as the reference does in double precision, to the nearest; below 2^-32 to 0. In integers,
// as many chips have no floats. c: usable as a scale. SC_E_MULTIPLIER if a or b is negative or not finite, or the result
// is 2^31 or more.
sc_err_t sc_quantize_multiplier(float a, float b, float c, sc_quantized_multiplier_t *factor);
// Nearest integer, halves away from zero; |x| < 2^31.
int32_t sc_quantize_round(float x);
// Whether a scale is usable: finite and above zero.
int sc_quantize_is_scale(float scale);

static inline uint32_t sc_quantize_float_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

// round(a * b / 2^31), halves upwards. Not for a == b == -2^31.
static inline int32_t sc_saturating_rounding_doubling_high_mul_wide(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

// The same value from 32-bit products. With halves a = ah 2^16 + al and b likewise, none of the sums passes 2^31. The
// bits below 2^30 of the product cannot change the result, and of the two above them `middle` has all.
static inline int32_t sc_saturating_rounding_doubling_high_mul_split(int32_t a, int32_t b) {
    int32_t ah = a >> 16, al = a & 0xffff, bh = b >> 16, bl = b & 0xffff;
    int32_t upper = ah * bl + (int32_t)((uint32_t)al * (uint32_t)bl >> 16);
    int32_t middle = (upper & 0xffff) + al * bh;
    int32_t high = ah * bh + (upper >> 16) + (middle >> 16); // of 2^32
    return (int32_t)((uint32_t)high << 1) + ((((middle >> 14) & 3) + 1) >> 1);
}

static inline int32_t sc_saturating_rounding_doubling_high_mul(int32_t a, int32_t b) {
#if SC_FIXED_SPLIT
    return sc_saturating_rounding_doubling_high_mul_split(a, b);
#else
    return sc_saturating_rounding_doubling_high_mul_wide(a, b);
#endif
}

// round(x / 2^exponent), halves away from zero, exponent 0..31.
static inline int32_t sc_rounding_divide_by_pot(int32_t x, int32_t exponent) {
    int32_t mask = (int32_t)((1u << exponent) - 1);
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0));
}

// x times a quantized multiplier. A left shift wraps around, as in the reference on the machines it runs on.
static inline int32_t sc_multiply_by_quantized_multiplier(int32_t x, int32_t multiplier, int32_t shift) {
    if (shift > 0) {
        return sc_saturating_rounding_doubling_high_mul((int32_t)((uint32_t)x << shift), multiplier);
    }
    return sc_rounding_divide_by_pot(sc_saturating_rounding_doubling_high_mul(x, multiplier), -shift);
}

// The same value, out of line.
int32_t sc_quantize_scale(int32_t x, int32_t multiplier, int32_t shift);

// The same value, mostly from one product of 32 bits, which decides unless it lies too near the middle between two
// results. In units of 2^-21, with x = high 2^drop + d and multiplier = factor 2^16 + e, |e| <= 2^15, what the first
// rounding leaves exceeds the product by factor d / 2^drop, from 0 to 2^15; by e x / 2^(drop + 16), at most 2^14 in size;
// and by that rounding, which is of a half divided by 2^6 or more: at most 2^14. Together -2^15..2^16.
#define SC_QUANTIZE_BELOW (1 << 15)
#define SC_QUANTIZE_ABOVE (1 << 16)
#define SC_QUANTIZE_HALF (1 << 20)
static inline int32_t sc_quantize_scale_near(int32_t x, int32_t multiplier, int32_t shift) {
    int32_t drop = -6 - shift;
    if (drop >= 0) {
        int32_t high = x >> drop;
        if (high == (int16_t)high) {
            int32_t factor = (int32_t)(((uint32_t)multiplier + (1u << 15)) >> 16);
            int32_t y = high * factor + SC_QUANTIZE_HALF + SC_QUANTIZE_ABOVE;
            if ((uint32_t)y << 11 >= (uint32_t)(SC_QUANTIZE_BELOW + SC_QUANTIZE_ABOVE) << 11) {
                return y >> 21;
            }
        }
    }
    return sc_quantize_scale(x, multiplier, shift);
}

// The int8 nearest to x scaled by a factor. Adding the zero point wraps around as well.
static inline int8_t sc_quantize_output(int32_t x, int32_t multiplier, int32_t shift, int32_t zero, int32_t low,
                                         int32_t high) {
#if SC_FIXED_SPLIT
    int32_t scaled = sc_quantize_scale_near(x, multiplier, shift);
#else
    int32_t scaled = sc_multiply_by_quantized_multiplier(x, multiplier, shift);
#endif
    int32_t value = (int32_t)((uint32_t)scaled + (uint32_t)zero);
    return (int8_t)(value < low ? low : value > high ? high : value);
}

#endif
