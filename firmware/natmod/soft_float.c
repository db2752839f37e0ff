#include "soft_float.h"

#define SIGN64 (1ull << 63)
#define INFINITY64 (0x7ffull << 52)
#define NAN64 (0xfffull << 51)
#define INFINITY32 (0xffu << 23)
#define NAN32 (0x1ffu << 22)

// |x| = mantissa * 2^exponent; bit 63 of the mantissa is set, or all of it is zero.
typedef struct {
    uint64_t mantissa;
    int32_t exponent;
} magnitude_t;

// The bits of a format below its sign: significand with the hidden bit, exponent of the lowest bit of a subnormal.
typedef struct {
    int32_t significand_bits;
    int32_t least_exponent;
    uint64_t infinity;
} format_t;

static magnitude_t normalized(uint64_t mantissa, int32_t exponent) {
    if (mantissa != 0) {
        while (mantissa >> 63 == 0) {
            mantissa <<= 1;
            exponent--;
        }
    }
    return (magnitude_t) {mantissa, exponent};
}

static magnitude_t unpack64(uint64_t x) {
    int32_t biased = (int32_t)(x >> 52 & 0x7ff);
    uint64_t fraction = x & ((1ull << 52) - 1);
    return biased ? normalized(1ull << 52 | fraction, biased - 1075) : normalized(fraction, -1074);
}

// The nearest number of a format. The mantissa's lowest bit may stand for all that was cut off below it: a format has
// at least two bits less.
static uint64_t pack(magnitude_t m, const format_t *format) {
    if (m.mantissa == 0) {
        return 0;
    }
    int32_t cut = 64 - format->significand_bits;
    if (m.exponent + cut < format->least_exponent) {
        cut = format->least_exponent - m.exponent; // subnormal
    }
    if (cut > 64) {
        return 0;
    }
    uint64_t kept = cut == 64 ? 0 : m.mantissa >> cut, rest = m.mantissa << (64 - cut), half = 1ull << 63;
    kept += rest > half || (rest == half && (kept & 1));
    // From the biased exponent minus 1: the hidden bit, where there is one, adds that 1; so does a carry.
    int32_t exponent = m.exponent + cut - format->least_exponent;
    uint64_t bits = kept + ((uint64_t)(uint32_t)exponent << (format->significand_bits - 1));
    return exponent > 2100 || bits > format->infinity ? format->infinity : bits;
}

static uint64_t pack64(magnitude_t m, uint64_t sign) {
    format_t format = {53, -1074, INFINITY64};
    return sign | pack(m, &format);
}

static int is_nan(uint64_t x) {
    return (x & ~SIGN64) > INFINITY64;
}

static int is_infinite(uint64_t x) {
    return (x & ~SIGN64) == INFINITY64;
}

static int is_zero(uint64_t x) {
    return x << 1 == 0;
}

uint64_t soft_float_add64(uint64_t x, uint64_t y) {
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_infinite(y) && x != y)) {
        return NAN64;
    }
    if ((x & ~SIGN64) < (y & ~SIGN64)) {
        uint64_t larger = y;
        y = x;
        x = larger;
    }
    if (is_infinite(x)) {
        return x;
    }
    magnitude_t a = unpack64(x), b = unpack64(y);
    if (b.mantissa == 0) {
        return a.mantissa ? x : x & y; // -0 only for two of them
    }
    // Room for a carry, and a bit below that stands for the rest of the smaller number.
    a.mantissa >>= 2;
    a.exponent += 2;
    int32_t shift = a.exponent - b.exponent; // 2 or more
    uint64_t smaller = shift > 63 ? 0 : b.mantissa >> shift | (b.mantissa << (64 - shift) != 0);
    uint64_t sum = (x ^ y) & SIGN64 ? a.mantissa - smaller : a.mantissa + smaller;
    return sum ? pack64(normalized(sum, a.exponent), x & SIGN64) : 0;
}

uint64_t soft_float_subtract64(uint64_t x, uint64_t y) {
    return soft_float_add64(x, y ^ SIGN64);
}

uint64_t soft_float_multiply64(uint64_t x, uint64_t y) {
    uint64_t sign = (x ^ y) & SIGN64;
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_zero(y)) || (is_zero(x) && is_infinite(y))) {
        return NAN64;
    }
    if (is_infinite(x) || is_infinite(y)) {
        return sign | INFINITY64;
    }
    magnitude_t a = unpack64(x), b = unpack64(y);
    uint64_t ah = a.mantissa >> 32, al = (uint32_t)a.mantissa, bh = b.mantissa >> 32, bl = (uint32_t)b.mantissa;
    uint64_t low = al * bl;
    uint64_t middle = ah * bl + (low >> 32);
    uint64_t other = al * bh + (uint32_t)middle;
    uint64_t high = ah * bh + (middle >> 32) + (other >> 32); // of 128 bits, 2^62 or more
    int below = ((uint32_t)other | (uint32_t)low) != 0;
    return pack64(normalized(high | (uint64_t)below, a.exponent + b.exponent + 64), sign);
}

uint64_t soft_float_divide64(uint64_t x, uint64_t y) {
    uint64_t sign = (x ^ y) & SIGN64;
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_infinite(y)) || (is_zero(x) && is_zero(y))) {
        return NAN64;
    }
    if (is_infinite(x) || is_zero(y)) {
        return sign | INFINITY64;
    }
    if (is_infinite(y) || is_zero(x)) {
        return sign;
    }
    magnitude_t a = unpack64(x), b = unpack64(y);
    uint64_t quotient = 0, rest = a.mantissa >> 1, divisor = b.mantissa >> 1;
    for (int32_t i = 0; i < 60; i++) {
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
        rest <<= 1;
    }
    return pack64(normalized(quotient << 1 | (rest != 0), a.exponent - b.exponent - 60), sign);
}

uint64_t soft_float_32_to_64(uint32_t x) {
    uint64_t sign = (uint64_t)(x >> 31) << 63;
    int32_t biased = (int32_t)(x >> 23 & 0xff);
    uint32_t fraction = x & ((1u << 23) - 1);
    if (biased == 0xff) {
        return fraction ? NAN64 : sign | INFINITY64;
    }
    return pack64(biased ? normalized(1u << 23 | fraction, biased - 150) : normalized(fraction, -149), sign);
}

uint32_t soft_float_64_to_32(uint64_t x) {
    uint32_t sign = (uint32_t)(x >> 63) << 31;
    if (is_nan(x)) {
        return NAN32;
    }
    if (is_infinite(x)) {
        return sign | INFINITY32;
    }
    format_t format = {24, -149, INFINITY32};
    return sign | (uint32_t)pack(unpack64(x), &format);
}

// By way of a double, which has more than twice a float's bits and two: rounded twice is then rounded right (Figueroa,
// "When is double rounding innocuous?", 1995).
uint32_t soft_float_add32(uint32_t x, uint32_t y) {
    return soft_float_64_to_32(soft_float_add64(soft_float_32_to_64(x), soft_float_32_to_64(y)));
}

uint32_t soft_float_subtract32(uint32_t x, uint32_t y) {
    return soft_float_add32(x, y ^ 1u << 31);
}

uint32_t soft_float_multiply32(uint32_t x, uint32_t y) {
    return soft_float_64_to_32(soft_float_multiply64(soft_float_32_to_64(x), soft_float_32_to_64(y)));
}

uint32_t soft_float_divide32(uint32_t x, uint32_t y) {
    return soft_float_64_to_32(soft_float_divide64(soft_float_32_to_64(x), soft_float_32_to_64(y)));
}

int64_t soft_float_64_to_integer(uint64_t x) {
    magnitude_t m = unpack64(x);
    int64_t n = m.mantissa == 0 || m.exponent < -63 ? 0 : m.exponent > -1 ? INT64_MAX : (int64_t)(m.mantissa >> -m.exponent);
    return x >> 63 ? -n : n;
}

uint64_t soft_float_integer_to_64(int64_t n) {
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    return pack64(normalized(magnitude, 0), n < 0 ? SIGN64 : 0);
}

int soft_float_compare64(uint64_t x, uint64_t y) {
    if (is_nan(x) || is_nan(y)) {
        return SOFT_FLOAT_UNORDERED;
    }
    int64_t a = (int64_t)(x & ~SIGN64), b = (int64_t)(y & ~SIGN64);
    a = x >> 63 ? -a : a;
    b = y >> 63 ? -b : b;
    return (a > b) - (a < b);
}

int soft_float_compare32(uint32_t x, uint32_t y) {
    return soft_float_compare64(soft_float_32_to_64(x), soft_float_32_to_64(y));
}
