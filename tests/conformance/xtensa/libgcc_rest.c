// What MicroPython's core needs of libgcc and soundcore does not: beside firmware/natmod/libgcc_names.c, on bits as there.
#include "soft_float.h"

int32_t __fixsfsi(uint32_t x);
int32_t __fixsfsi(uint32_t x) {
    return (int32_t)soft_float_64_to_integer(soft_float_32_to_64(x));
}

uint32_t __floatunsisf(uint32_t n);
uint32_t __floatunsisf(uint32_t n) {
    return soft_float_64_to_32(soft_float_integer_to_64(n));
}

int __unordsf2(uint32_t x, uint32_t y);
int __unordsf2(uint32_t x, uint32_t y) {
    return soft_float_compare32(x, y) == SOFT_FLOAT_UNORDERED;
}
