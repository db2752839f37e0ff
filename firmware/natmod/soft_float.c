#include "soft_float.h"

#define SIGN (1u << 31)
#define INFINITY32 (0xffu << 23)
#define NAN32 (0x1ffu << 22)
#define LEAST_EXPONENT (-149) // of the lowest bit of a subnormal

// |x| = mantissa * 2^exponent; bit 31 of the mantissa is set, or all of it is zero.
typedef struct {
    uint32_t mantissa;
    int32_t exponent;
} magnitude_t;

static magnitude_t normalized(uint32_t mantissa, int32_t exponent) {
    if (mantissa != 0) {
        while (mantissa >> 31 == 0) {
            mantissa <<= 1;
            exponent--;
        }
    }
    return (magnitude_t) {mantissa, exponent};
}

static magnitude_t unpack(uint32_t x) {
    int32_t biased = (int32_t)(x >> 23 & 0xff);
    uint32_t fraction = x & ((1u << 23) - 1);
    return biased ? normalized(1u << 23 | fraction, biased - 150) : normalized(fraction, LEAST_EXPONENT);
}

// The nearest number. The mantissa's lowest bit may stand for all that was cut off below it.
static uint32_t pack(magnitude_t m, uint32_t sign) {
    int32_t cut = 8;
    if (m.exponent + cut < LEAST_EXPONENT) {
        cut = LEAST_EXPONENT - m.exponent; // subnormal
    }
    if (cut > 32 || m.mantissa == 0) {
        return sign;
    }
    uint32_t kept = cut == 32 ? 0 : m.mantissa >> cut, rest = m.mantissa << (32 - cut), half = 1u << 31;
    kept += rest > half || (rest == half && (kept & 1));
    // From the biased exponent minus 1: the hidden bit, where there is one, adds that 1; so does a carry.
    int32_t exponent = m.exponent + cut - LEAST_EXPONENT;
    uint32_t bits = kept + ((uint32_t)exponent << 23);
    return sign | (exponent > 300 || bits > INFINITY32 ? INFINITY32 : bits);
}

static int is_nan(uint32_t x) {
    return (x & ~SIGN) > INFINITY32;
}

static int is_infinite(uint32_t x) {
    return (x & ~SIGN) == INFINITY32;
}

static int is_zero(uint32_t x) {
    return x << 1 == 0;
}

uint32_t soft_float_subtract32(uint32_t x, uint32_t y) {
    y ^= SIGN;
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_infinite(y) && x != y)) {
        return NAN32;
    }
    if ((x & ~SIGN) < (y & ~SIGN)) {
        uint32_t larger = y;
        y = x;
        x = larger;
    }
    if (is_infinite(x)) {
        return x;
    }
    magnitude_t a = unpack(x), b = unpack(y);
    if (b.mantissa == 0) {
        return a.mantissa ? x : x & y; // -0 only for two of them
    }
    // Room for a carry, and a bit below that stands for the rest of the smaller number.
    a.mantissa >>= 2;
    a.exponent += 2;
    int32_t shift = a.exponent - b.exponent; // 2 or more
    uint32_t smaller = shift > 31 ? 0 : b.mantissa >> shift | (b.mantissa << (32 - shift) != 0);
    uint32_t sum = (x ^ y) & SIGN ? a.mantissa - smaller : a.mantissa + smaller;
    return sum ? pack(normalized(sum, a.exponent), x & SIGN) : 0;
}

uint32_t soft_float_multiply32(uint32_t x, uint32_t y) {
    uint32_t sign = (x ^ y) & SIGN;
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_zero(y)) || (is_zero(x) && is_infinite(y))) {
        return NAN32;
    }
    if (is_infinite(x) || is_infinite(y)) {
        return sign | INFINITY32;
    }
    magnitude_t a = unpack(x), b = unpack(y);
    uint64_t product = (uint64_t)a.mantissa * b.mantissa; // 2^62 or more
    return pack(normalized((uint32_t)(product >> 32) | ((uint32_t)product != 0), a.exponent + b.exponent + 32), sign);
}

uint32_t soft_float_divide32(uint32_t x, uint32_t y) {
    uint32_t sign = (x ^ y) & SIGN;
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_infinite(y)) || (is_zero(x) && is_zero(y))) {
        return NAN32;
    }
    if (is_infinite(x) || is_zero(y)) {
        return sign | INFINITY32;
    }
    if (is_infinite(y) || is_zero(x)) {
        return sign;
    }
    magnitude_t a = unpack(x), b = unpack(y);
    uint32_t quotient = 0, rest = a.mantissa >> 1, divisor = b.mantissa >> 1;
    for (int32_t i = 0; i < 30; i++) {
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
        rest <<= 1;
    }
    return pack(normalized(quotient << 1 | (rest != 0), a.exponent - b.exponent - 30), sign);
}

int32_t soft_float_32_to_integer(uint32_t x) {
    magnitude_t m = unpack(x);
    int32_t n = m.exponent < -31 ? 0 : m.exponent > -1 ? INT32_MAX : (int32_t)(m.mantissa >> -m.exponent);
    return x >> 31 ? -n : n;
}

int soft_float_compare32(uint32_t x, uint32_t y) {
    if (is_nan(x) || is_nan(y)) {
        return SOFT_FLOAT_UNORDERED;
    }
    int32_t a = (int32_t)(x & ~SIGN), b = (int32_t)(y & ~SIGN);
    a = x >> 31 ? -a : a;
    b = y >> 31 ? -b : b;
    return (a > b) - (a < b);
}
