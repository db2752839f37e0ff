// Floating point in integers (IEEE 754, rounded to nearest even), for the native module: libgcc has none that fits into
// it on every chip. Numbers are passed as their bits. Only the core's init computes with them, the scales of a model, so
// this is short rather than fast, and has what the core uses.
#ifndef NATMOD_SOFT_FLOAT_H
#define NATMOD_SOFT_FLOAT_H

#include <stdint.h>

// What soft_float_compare32 returns when one of the two is no number.
#define SOFT_FLOAT_UNORDERED (2)

uint32_t soft_float_subtract32(uint32_t x, uint32_t y);
uint32_t soft_float_multiply32(uint32_t x, uint32_t y);
uint32_t soft_float_divide32(uint32_t x, uint32_t y);

// Towards zero; INT32_MAX or its negative for what is larger.
int32_t soft_float_32_to_integer(uint32_t x);

// -1, 0 or 1 as x is below, equal to or above y, or SOFT_FLOAT_UNORDERED.
int soft_float_compare32(uint32_t x, uint32_t y);

#endif
