// The native module's arithmetic (firmware/natmod) against that of this computer.
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "integers.h"
#include "soft_float.h"

static uint64_t state = 1;

static uint64_t random_bits(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t high = state >> 32;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return high << 32 | state >> 32;
}

static double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint64_t double_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

// Any NaN is as good as another.
static void same64(uint64_t bits, double expected) {
    assert(bits == double_bits(expected) || (isnan(expected) && isnan(as_double(bits))));
}

static void same32(uint32_t bits, float expected) {
    assert(bits == float_bits(expected) || (isnan(expected) && isnan(as_float(bits))));
}

// Zeros, the smallest numbers, the largest, infinities, NaN; halves and neighbours, where rounding decides.
static const uint64_t edges64[] = {
    0, 1, 2, 3, 0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x3fefffffffffffff, 0x3ff0000000000000,
    0x3ff0000000000001, 0x4000000000000000, 0x3ca0000000000000, 0x3cb0000000000000, 0x4330000000000000,
    0x43dfffffffffffff, 0x7fefffffffffffff, 0x7ff0000000000000, 0x7ff8000000000000, 0x36a0000000000000,
    0x369fffffffffffff, 0x36a0000000000001, 0x380fffffffffffff, 0x3810000000000000, 0x47efffffe0000000,
    0x47efffffefffffff, 0x47effffff0000000,
};
#define EDGES (sizeof(edges64) / sizeof(edges64[0]))

// A number of one of many kinds: any bits, an edge, few bits set, close to another in size.
static uint64_t random64(uint64_t other) {
    uint64_t bits = random_bits(), sign = bits & 1ull << 63;
    switch (random_bits() % 5) {
        case 0:
            return bits;
        case 1:
            return sign | edges64[random_bits() % EDGES];
        case 2:
            return sign | (uint64_t)(random_bits() % 0x7ff) << 52 | (1ull << random_bits() % 52);
        case 3:
            return (other ^ sign) + (random_bits() % 64 << 52) - (32ull << 52);
        default:
            return (other ^ sign) + random_bits() % 5 - 2;
    }
}

static uint32_t random32(uint32_t other) {
    uint32_t bits = (uint32_t)random_bits(), sign = bits & 1u << 31;
    switch (random_bits() % 4) {
        case 0:
            return bits;
        case 1:
            return float_bits((float)as_double(sign ? edges64[random_bits() % EDGES] : random64(0)));
        case 2:
            return (other ^ sign) + (uint32_t)(random_bits() % 64 << 23) - (32u << 23);
        default:
            return (other ^ sign) + (uint32_t)(random_bits() % 5) - 2;
    }
}

static int order(double x, double y) {
    return isnan(x) || isnan(y) ? SOFT_FLOAT_UNORDERED : (x > y) - (x < y);
}

static void check_doubles(uint64_t a, uint64_t b) {
    double x = as_double(a), y = as_double(b);
    same64(soft_float_add64(a, b), x + y);
    same64(soft_float_subtract64(a, b), x - y);
    same64(soft_float_multiply64(a, b), x * y);
    same64(soft_float_divide64(a, b), x / y);
    same32(soft_float_64_to_32(a), (float)x);
    assert(soft_float_compare64(a, b) == order(x, y));
    if (fabs(x) < 9223372036854775808.0) {
        assert(soft_float_64_to_integer(a) == (int64_t)x);
    } else if (!isnan(x)) {
        assert(soft_float_64_to_integer(a) == (x < 0 ? -INT64_MAX : INT64_MAX));
    }
    same64(soft_float_integer_to_64((int64_t)a), (double)(int64_t)a);
}

static void check_floats(uint32_t a, uint32_t b) {
    float x = as_float(a), y = as_float(b);
    same32(soft_float_add32(a, b), x + y);
    same32(soft_float_subtract32(a, b), x - y);
    same32(soft_float_multiply32(a, b), x * y);
    same32(soft_float_divide32(a, b), x / y);
    same64(soft_float_32_to_64(a), (double)x);
    assert(soft_float_compare32(a, b) == order(x, y));
}

static void check_integers(uint64_t a, uint64_t b, int n) {
    uint32_t c = (uint32_t)a, d = (uint32_t)b;
    assert(integers_divide64(a, b) == (b ? a / b : 0));
    assert(integers_divide32(c, d) == (d ? c / d : 0));
    if (b != 0 && !(a == 1ull << 63 && b == UINT64_MAX)) {
        assert(integers_divide_signed64((int64_t)a, (int64_t)b) == (int64_t)a / (int64_t)b);
    }
    if (d != 0 && !(c == 1u << 31 && d == UINT32_MAX)) {
        assert(integers_divide_signed32((int32_t)c, (int32_t)d) == (int32_t)c / (int32_t)d);
    }
    assert(integers_multiply64(a, b) == a * b);
    assert(integers_multiply32_to_64(c, d) == (uint64_t)c * d);
    assert(integers_shift_left64(a, n) == a << n);
    assert(integers_shift_right64(a, n) == a >> n);
}

int main(void) {
    for (size_t i = 0; i < 4 * EDGES * EDGES; i++) {
        uint64_t a = edges64[i / 4 / EDGES] | (i & 1) << 63, b = edges64[i / 4 % EDGES] | (i >> 1 & 1) << 63;
        check_doubles(a, b);
        check_floats(float_bits((float)as_double(a)), float_bits((float)as_double(b)));
        check_integers(a, b, (int)(i % 64));
    }
    uint64_t a = 0;
    uint32_t c = 0;
    for (int i = 0; i < 500000; i++) {
        uint64_t b = a;
        uint32_t d = c;
        a = random64(b);
        c = random32(d);
        check_doubles(a, b);
        check_floats(c, d);
        check_integers(random_bits() >> random_bits() % 64, random_bits() >> random_bits() % 64, i % 64);
    }
    return 0;
}
