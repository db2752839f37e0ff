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

static float as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

// Any NaN is as good as another.
static void same(uint32_t bits, float expected) {
    assert(bits == float_bits(expected) || (isnan(expected) && isnan(as_float(bits))));
}

// Zeros, the smallest numbers, the largest, infinities, NaN; halves and neighbours, where rounding decides.
static const uint32_t edges[] = {
    0, 1, 2, 3, 0x007fffff, 0x00800000, 0x00800001, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x40000000, 0x33800000,
    0x33000000, 0x4b000000, 0x4b7fffff, 0x4effffff, 0x4f000000, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0x1fffffff,
};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

// A number of one of many kinds: any bits, an edge, few bits set, close to another in size.
static uint32_t random32(uint32_t other) {
    uint32_t bits = (uint32_t)random_bits(), sign = bits & 1u << 31;
    switch (random_bits() % 5) {
        case 0:
            return bits;
        case 1:
            return sign | edges[random_bits() % EDGES];
        case 2:
            return sign | (uint32_t)(random_bits() % 0xff) << 23 | (1u << random_bits() % 23);
        case 3:
            return (other ^ sign) + (uint32_t)(random_bits() % 64 << 23) - (32u << 23);
        default:
            return (other ^ sign) + (uint32_t)(random_bits() % 5) - 2;
    }
}

static void check_floats(uint32_t a, uint32_t b) {
    float x = as_float(a), y = as_float(b);
    same(soft_float_subtract32(a, b), x - y);
    same(soft_float_multiply32(a, b), x * y);
    same(soft_float_divide32(a, b), x / y);
    assert(soft_float_compare32(a, b) == (isnan(x) || isnan(y) ? SOFT_FLOAT_UNORDERED : (x > y) - (x < y)));
    if (fabsf(x) < 2147483648.0f) {
        assert(soft_float_32_to_integer(a) == (int32_t)x);
    } else if (!isnan(x)) {
        assert(soft_float_32_to_integer(a) == (x < 0 ? -INT32_MAX : INT32_MAX));
    }
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
    for (uint32_t i = 0; i < 4 * EDGES * EDGES; i++) {
        check_floats(edges[i / 4 / EDGES] | (i & 1) << 31, edges[i / 4 % EDGES] | (i >> 1 & 1) << 31);
    }
    static const uint64_t wide[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        for (size_t j = 0; j < sizeof(wide) / sizeof(wide[0]); j++) {
            check_integers(wide[i], wide[j], (int)(7 * i + j) % 64);
        }
    }
    uint32_t a = 0;
    for (int i = 0; i < 1000000; i++) {
        uint32_t b = a;
        a = random32(b);
        check_floats(a, b);
        check_integers(random_bits() >> random_bits() % 64, random_bits() >> random_bits() % 64, i % 64);
    }
    return 0;
}
