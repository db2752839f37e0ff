// What MicroPython's core needs of libgcc and soundcore does not: beside firmware/natmod/libgcc_names.c, on bits as there.
#include "soft_float.h"

uint32_t __addsf3(uint32_t x, uint32_t y);
uint32_t __addsf3(uint32_t x, uint32_t y) {
    return soft_float_subtract32(x, y ^ 1u << 31);
}

// Rounded to the nearest, halves to even.
uint32_t __floatunsisf(uint32_t n);
uint32_t __floatunsisf(uint32_t n) {
    if (n == 0) {
        return 0;
    }
    uint32_t exponent = 127 + 31;
    while (n >> 31 == 0) {
        n <<= 1;
        exponent--;
    }
    uint32_t kept = n >> 8, rest = n & 0xff;
    kept += rest > 0x80 || (rest == 0x80 && (kept & 1));
    return ((exponent - 1) << 23) + kept; // the hidden bit adds 1, and so does a carry
}

uint32_t __floatsisf(int32_t n);
uint32_t __floatsisf(int32_t n) {
    return n < 0 ? __floatunsisf(0 - (uint32_t)n) | 1u << 31 : __floatunsisf((uint32_t)n);
}

int __unordsf2(uint32_t x, uint32_t y);
int __unordsf2(uint32_t x, uint32_t y) {
    return soft_float_compare32(x, y) == SOFT_FLOAT_UNORDERED;
}

// A double, its bits, that is n * 2^exponent; n has 32 bits at most, and the result is no subnormal.
static uint64_t double_of(uint32_t n, int32_t exponent) {
    if (n == 0) {
        return 0;
    }
    for (; n >> 31 == 0; n <<= 1) {
        exponent--;
    }
    return ((uint64_t)(exponent + 1023 + 30) << 52) + ((uint64_t)n << 21); // the hidden bit adds 1
}

uint64_t __floatsidf(int32_t n);
uint64_t __floatsidf(int32_t n) {
    return n < 0 ? double_of(0 - (uint32_t)n, 0) | 1ull << 63 : double_of((uint32_t)n, 0);
}

uint64_t __extendsfdf2(uint32_t x);
uint64_t __extendsfdf2(uint32_t x) {
    uint32_t biased = x >> 23 & 0xff, fraction = x & 0x7fffff;
    uint64_t sign = (uint64_t)(x >> 31) << 63;
    if (biased == 0xff) {
        return sign | 0x7ffull << 52 | (uint64_t)fraction << 29;
    }
    return sign | (biased ? double_of(0x800000 | fraction, (int32_t)biased - 150) : double_of(fraction, -149));
}

// Rounded to the nearest, halves to even.
uint32_t __truncdfsf2(uint64_t x);
uint32_t __truncdfsf2(uint64_t x) {
    int32_t exponent = (int32_t)(x >> 52 & 0x7ff) - 1023 + 127; // a float's
    uint64_t fraction = x & 0xfffffffffffffull;
    uint32_t sign = (uint32_t)(x >> 63) << 31;
    if (exponent >= 0xff) {
        return sign | 0x7f800000 | (exponent == 0x7ff - 1023 + 127 && fraction ? 0x400000 : 0);
    }
    int32_t cut = exponent > 0 ? 29 : 30 - exponent; // more where it is a subnormal
    if (cut > 54) {
        return sign;
    }
    uint64_t whole = 1ull << 52 | fraction, rest = whole & ((1ull << cut) - 1), half = 1ull << (cut - 1);
    uint32_t kept = (uint32_t)(whole >> cut);
    kept += rest > half || (rest == half && (kept & 1));
    return sign | (((uint32_t)(exponent > 0 ? exponent - 1 : 0) << 23) + kept);
}
