// Probabilities from logits, in integers. soundfw/detect/fixed.py is the definition: the results are equal to the bit.
//
// Q12 means "in units of 1/4096", and so on. Products stay within 32 bits while the loop runs.
#ifndef SC_PROBABILITY_H
#define SC_PROBABILITY_H

#include <stddef.h>
#include <stdint.h>

#define SC_ONE_Q15 (32768)
#define SC_EXP_ENTRIES (12 * 32 + 2) // of exp(-x) for x from 0 to 12 in steps of 1/32

// floor(a * b / 2^60); a, b <= 2^60.
uint64_t sc_mul_q60(uint64_t a, uint64_t b);
// floor(x / k), k < 2^16, without a division of 64 bits, which chips have to load code for.
uint64_t sc_divide_short(uint64_t x, uint32_t k);
// exp(-x) in Q60, x in Q20; 0 for x so large that the halvings of its series would be more than 40.
uint64_t sc_exp_q60(uint64_t x);
// base^0 … base^(count - 1) in Q15; base in Q60, at most 1.
void sc_powers(uint64_t base, uint16_t *out, size_t count);
// A tensor's scale, a positive float32, in Q20, rounded.
uint32_t sc_scale_q20(float scale);
// round(x * factor / 2^15), halves upwards; |x| < 2^28, factor in Q15, 0..1.
static inline int32_t sc_mul_q15(int32_t x, int32_t factor) {
    return ((x >> 14) * factor + (((x & 16383) * factor + 16384) >> 14)) >> 1;
}
// 1000 / (1 + exp(-z)) rounded half up, z in Q12. exp: sc_powers of exp(-1 / 32).
uint16_t sc_sigmoid(const uint16_t *exp /* (SC_EXP_ENTRIES) */, int32_t z);
// The softmax of z (Q12) in 1/1000, each value rounded half up. z is overwritten.
void sc_softmax(const uint16_t *exp, int32_t *z /* (count) */, uint16_t *out /* (count) */, size_t count);
// log2 of x > 0 in Q16, truncated, error below 2^-14.
int32_t sc_log2_q16(uint64_t x);

#endif
