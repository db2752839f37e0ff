// exp, logistic, tanh and 1/x in 32-bit fixed point, bit for bit the approximations of gemmlowp that TensorFlow Lite
// Micro uses. "n integer bits": the value is raw / 2^(31 - n).
#ifndef SC_TRANSCENDENTAL_H
#define SC_TRANSCENDENTAL_H

#include <stdint.h>

// exp(x) for x <= 0 with that many integer bits (4 or 5); result with 0 integer bits.
int32_t sc_exp_on_negative_values(int32_t x, int32_t integer_bits);
// x with 4 integer bits; results with 0.
int32_t sc_logistic(int32_t x);
int32_t sc_tanh(int32_t x);
// x with 3 integer bits (times 2^left, or divided by 2^-left); results with 0; both 16 bits, from a table of 256 values.
int16_t sc_logistic_16(int16_t x);
int16_t sc_tanh_16(int16_t x, int32_t left);
// x > 0 with that many integer bits is 2^bits_over_unit times a number in [1, 2), whose reciprocal is returned.
int32_t sc_get_reciprocal(uint32_t x, int32_t integer_bits, int32_t *bits_over_unit);

#endif
