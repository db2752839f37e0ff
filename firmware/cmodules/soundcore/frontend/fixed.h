// Fixed-point arithmetic of the frontend: integers only, so every target gets the same bits.
// Right shifts of negative numbers are arithmetic on every compiler this is built with.
#ifndef SC_FIXED_H
#define SC_FIXED_H

#include <stdint.h>

// Cores without a 32x32 -> 64 bit multiply get the form that needs 32-bit products only.
#if !defined(SC_FIXED_SPLIT)
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define SC_FIXED_SPLIT (1)
#else
#define SC_FIXED_SPLIT (0)
#endif
#endif

// round((a * u + b * v) / 2^15), halves upwards. |a|, |b| and the result <= 2^30 + 2^20, |u|, |v| <= 2^15.
static inline int32_t sc_fixed_dot_q15_wide(int32_t a, int32_t u, int32_t b, int32_t v) {
    return (int32_t)(((int64_t)a * u + (int64_t)b * v + (1 << 14)) >> 15);
}

// The same value. With a = ah * 2^15 + al, the part ah * u is a whole number after the shift, so only the low
// products take part in the rounding. These are at most 2 * 32767 * 2^15 + 2^14 < 2^31.
static inline int32_t sc_fixed_dot_q15_split(int32_t a, int32_t u, int32_t b, int32_t v) {
    int32_t low = (a & 0x7fff) * u + (b & 0x7fff) * v + (1 << 14);
    // Unsigned, as the sum may exceed 2^31 before its two terms cancel.
    return (int32_t)((uint32_t)((a >> 15) * u) + (uint32_t)((b >> 15) * v) + (uint32_t)(low >> 15));
}

static inline int32_t sc_fixed_dot_q15(int32_t a, int32_t u, int32_t b, int32_t v) {
#if SC_FIXED_SPLIT
    return sc_fixed_dot_q15_split(a, u, b, v);
#else
    return sc_fixed_dot_q15_wide(a, u, b, v);
#endif
}

// round(a * u / 2^15).
static inline int32_t sc_fixed_mul_q15(int32_t a, int32_t u) {
    return sc_fixed_dot_q15(a, u, 0, 0);
}

// A positive factor as mantissa / 2^15 * 2^exponent, mantissa 2^14..2^15.
typedef struct {
    int32_t mantissa;
    int32_t exponent;
} sc_fixed_factor_t;

// The rest runs at init only and may be slow.
// log2(x) in Q24, error below 2^-23. x > 0.
int32_t sc_fixed_log2(uint32_t x);
// 2^x in Q30 for x in Q24, -30 <= x < 33 in real terms.
uint64_t sc_fixed_exp2(int32_t x);
// sin(pi / 2 * num / den) in Q30, 0 <= num <= den, den > 0.
int32_t sc_fixed_sin(uint32_t num, uint32_t den);
// 2^x as a factor, x in Q24.
sc_fixed_factor_t sc_fixed_factor(int32_t x);

#endif
