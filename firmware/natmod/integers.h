// Integer arithmetic that a chip lacks, for the native module: compilers call libgcc for it.
#ifndef NATMOD_INTEGERS_H
#define NATMOD_INTEGERS_H

#include <stdint.h>

// Division by zero gives 0.
uint32_t integers_divide32(uint32_t a, uint32_t b);
uint64_t integers_divide64(uint64_t a, uint64_t b);
// Towards zero.
int32_t integers_divide_signed32(int32_t a, int32_t b);
int64_t integers_divide_signed64(int64_t a, int64_t b);

// Without a product of more than 32 bits.
uint64_t integers_multiply32_to_64(uint32_t a, uint32_t b);
uint64_t integers_multiply64(uint64_t a, uint64_t b);

// By halves, 0 <= n < 64.
uint64_t integers_shift_left64(uint64_t x, int n);
uint64_t integers_shift_right64(uint64_t x, int n);

#endif
