// Floating point in integers (IEEE 754, rounded to nearest even), for the native module: libgcc has none that fits into
// it on every chip. Numbers are passed as their bits. Only the core's init computes with them, the scales of a model, so
// this is short rather than fast.
#ifndef NATMOD_SOFT_FLOAT_H
#define NATMOD_SOFT_FLOAT_H

#include <stdint.h>

// What soft_float_compare64 returns when one of the two is no number.
#define SOFT_FLOAT_UNORDERED (2)

uint64_t soft_float_add64(uint64_t x, uint64_t y);
uint64_t soft_float_subtract64(uint64_t x, uint64_t y);
uint64_t soft_float_multiply64(uint64_t x, uint64_t y);
uint64_t soft_float_divide64(uint64_t x, uint64_t y);
uint32_t soft_float_add32(uint32_t x, uint32_t y);
uint32_t soft_float_subtract32(uint32_t x, uint32_t y);
uint32_t soft_float_multiply32(uint32_t x, uint32_t y);
uint32_t soft_float_divide32(uint32_t x, uint32_t y);

uint64_t soft_float_32_to_64(uint32_t x);
uint32_t soft_float_64_to_32(uint64_t x);
// Towards zero; INT64_MAX or its negative for what is larger.
int64_t soft_float_64_to_integer(uint64_t x);
uint64_t soft_float_integer_to_64(int64_t n);

// -1, 0 or 1 as x is below, equal to or above y, or SOFT_FLOAT_UNORDERED.
int soft_float_compare64(uint64_t x, uint64_t y);
int soft_float_compare32(uint32_t x, uint32_t y);

#endif
