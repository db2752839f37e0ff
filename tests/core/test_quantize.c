// The fixed-point primitives against plain 64-bit arithmetic and real numbers.
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "nn/quantize.h"
#include "nn/transcendental.h"

static uint64_t state = 1;

static uint32_t random_bits(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 32);
}

// Random magnitude as well as random bits.
static int32_t random_int(void) {
    return (int32_t)random_bits() >> (random_bits() % 31);
}

static const int32_t edges[] = {0, 1, -1, 2, -2, 3, -3, 1 << 30, -(1 << 30), (1 << 30) - 1, INT32_MAX, INT32_MIN,
                                INT32_MAX - 1, INT32_MIN + 1, 1 << 29, 65535, 65536, -65536};
#define EDGES ((int)(sizeof(edges) / sizeof(edges[0])))

// floor(x / 2^n) without relying on the shift of a negative number.
static int64_t floor_shift(int64_t x, int n) {
    int64_t d = (int64_t)1 << n;
    return x >= 0 ? x / d : -((-x + d - 1) / d);
}

static void check_high_product(int32_t a, int32_t b) {
    if (a == INT32_MIN && b == INT32_MIN) {
        return;
    }
    int64_t expected = floor_shift((int64_t)a * b + (1 << 30), 31);
    assert(sc_saturating_rounding_doubling_high_mul_wide(a, b) == expected);
    assert(sc_saturating_rounding_doubling_high_mul_split(a, b) == expected);
}

static void check_shift_right(int32_t x, int n) {
    int64_t magnitude = x < 0 ? -(int64_t)x : x;
    int64_t rounded = n ? (magnitude + ((int64_t)1 << (n - 1))) >> n : magnitude; // halves away from zero
    assert(sc_rounding_divide_by_pot(x, n) == (x < 0 ? -rounded : rounded));
}

static void test_products_and_shifts_round_like_wide_arithmetic(void) {
    for (int i = 0; i < EDGES; i++) {
        for (int j = 0; j < EDGES; j++) {
            check_high_product(edges[i], edges[j]);
        }
        for (int n = 0; n <= 31; n++) {
            check_shift_right(edges[i], n);
        }
    }
    for (int i = 0; i < 1000000; i++) {
        check_high_product(random_int(), random_int());
        check_shift_right(random_int(), (int)(random_bits() % 32));
    }
}

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

// As TensorFlow Lite's QuantizeMultiplier, from a quotient in double precision.
static sc_err_t quantize_in_doubles(double real, sc_quantized_multiplier_t *f) {
    *f = (sc_quantized_multiplier_t){0, 0};
    if (!(real >= 0) || isinf(real)) {
        return SC_E_MULTIPLIER;
    }
    int exponent;
    double rounded = round(frexp(real, &exponent) * 2147483648.0);
    if (rounded == 2147483648.0) {
        rounded /= 2;
        exponent++;
    }
    if (exponent > 31) {
        return SC_E_MULTIPLIER;
    }
    if (real > 0 && exponent >= -31) {
        *f = (sc_quantized_multiplier_t){(int32_t)rounded, exponent};
    }
    return SC_OK;
}

static void check_factor(float a, float b, float c) {
    sc_quantized_multiplier_t f, expected;
    sc_err_t code = quantize_in_doubles((double)a * (double)b / (double)c, &expected);
    assert(sc_quantize_multiplier(a, b, c, &f) == code);
    assert(code != SC_OK || (f.multiplier == expected.multiplier && f.shift == expected.shift));
}

// A usable scale: of any size, near one, with few bits, or below the normal numbers.
static float random_scale(void) {
    uint32_t bits = random_bits();
    switch (random_bits() % 4) {
        case 0:
            return float_of_bits(bits % 0x7f7fffff + 1);
        case 1:
            return float_of_bits((112 + bits % 20) << 23 | random_bits() >> 9);
        case 2:
            return float_of_bits((112 + bits % 20) << 23 | (random_bits() & random_bits() & random_bits()) >> 9);
        default:
            return float_of_bits((bits >> 4 & 0x7fffff) >> bits % 16 | 1);
    }
}

static void test_factor_is_that_of_doubles(void) {
    for (int i = 0; i < 5000000; i++) {
        float a = random_scale(), b = random_scale(), c = random_scale();
        check_factor(a, b, c);
        check_factor(a, 1, c);
        check_factor(a, 1, a);
        check_factor(a, b, b);
        check_factor(a, c, float_of_bits(sc_quantize_float_bits(a) ^ 1 ? sc_quantize_float_bits(a) ^ 1 : 1));
    }
    // Quotients less than 2^-54 of themselves below a half of the last bit: a double makes them that half.
    static const float halves[][3] = {
        {8617857, 14973752, 14930661},  {9672359, 15045468, 13080955},  {12017046, 13429807, 13070685},
        {13193747, 14586622, 11736855}, {13494979, 14072460, 15675831}, {10816054, 10821166, 13419895},
        {13842193, 14557633, 16120219}, {11839467, 13333477, 13828567},
    };
    for (unsigned i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        for (int j = -1; j <= 1; j++) {
            check_factor(halves[i][0], halves[i][1], halves[i][2] + (float)j);
        }
    }
    static const float odd[] = {0.0f, -0.0f, -1.0f, INFINITY, -INFINITY, NAN, 1e-45f, 3e38f, 1.0f, 2147483648.0f};
    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        sc_quantized_multiplier_t f;
        // A negative zero is refused too: nothing computes one.
        sc_err_t code = odd[i] >= 0 && odd[i] < 2147483648.0f && !signbit(odd[i]) ? SC_OK : SC_E_MULTIPLIER;
        assert(sc_quantize_multiplier(odd[i], 1, 1, &f) == code && sc_quantize_multiplier(1, odd[i], 1, &f) == code);
    }
    sc_quantized_multiplier_t f;
    assert(sc_quantize_multiplier(1, 1, 1, &f) == SC_OK && f.multiplier == 1 << 30 && f.shift == 1);
}

static void test_scaled_value_is_near_the_real_product(void) {
    sc_quantized_multiplier_t f;
    for (int i = 0; i < 1000000; i++) {
        int32_t x = random_int();
        float real = ldexpf(1.0f + (float)(random_bits() >> 9) / 8388608.0f, (int)(random_bits() % 32) - 32);
        assert(sc_quantize_multiplier(real, 1, 1, &f) == SC_OK);
        // A half for each of two roundings, and as much for the multiplier's 31 bits.
        assert(fabs(sc_multiply_by_quantized_multiplier(x, f.multiplier, f.shift) - x * (double)real) <= 1.5);
    }
}

static void check_near(int64_t x, sc_quantized_multiplier_t f) {
    if (x >= INT32_MIN && x <= INT32_MAX) {
        assert(sc_quantize_scale_near((int32_t)x, f.multiplier, f.shift)
               == sc_multiply_by_quantized_multiplier((int32_t)x, f.multiplier, f.shift));
    }
}

static void test_one_product_gives_the_value_of_two_roundings(void) {
    for (int i = 0; i < 2000; i++) {
        sc_quantized_multiplier_t f = {(int32_t)(1u << 30 | random_bits() >> 2), -(int32_t)(random_bits() % 32)};
        if (i % 10 == 0) {
            f.multiplier = i % 20 ? INT32_MAX : 1 << 30;
        }
        double real = ldexp(f.multiplier, f.shift - 31);
        for (int j = 0; j < EDGES; j++) {
            check_near(edges[j], f);
        }
        for (int j = 0; j < 2000; j++) {
            check_near(random_int(), f);
            check_near((int64_t)((random_bits() / 4294967296.0 - 0.5) * 1100 / real), f);
        }
        // Around the middle between two results, where the rounding decides.
        for (int y = -600; y < 600; y += 7) {
            for (int d = -20; d <= 20; d++) {
                check_near((int64_t)((y + 0.5) / real) + d, f);
                check_near((int64_t)((y + 0.5) / real + d * (0.004 / real)), f);
            }
        }
    }
}

static void test_rounding_and_scales(void) {
    for (int i = 0; i < 1000000; i++) {
        float x = float_of_bits(random_bits());
        if (fabsf(x) < 2147483648.0f) {
            assert(sc_quantize_round(x) == (int32_t)roundf(x));
        }
    }
    static const float values[] = {0.0f, 0.5f, -0.5f, 1.5f, -1.5f, 2.4999f, -2.5f, 0.49999997f, 8388607.5f, -2147483520.0f};
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert(sc_quantize_round(values[i]) == (int32_t)roundf(values[i]));
    }
    assert(sc_quantize_is_scale(1e-38f) && sc_quantize_is_scale(3e38f) && sc_quantize_is_scale(1e-42f));
    assert(!sc_quantize_is_scale(0.0f) && !sc_quantize_is_scale(-0.0f) && !sc_quantize_is_scale(-1.0f));
    assert(!sc_quantize_is_scale(INFINITY) && !sc_quantize_is_scale(NAN));
}

static void test_functions_are_near_the_real_ones(void) {
    const double one = 2147483648.0; // the series for exp is good to 2.3e-7
    for (int64_t x = INT32_MIN; x <= INT32_MAX; x += 9973) {
        double real = (double)x / (1 << 27); // 4 integer bits
        double logistic = sc_logistic((int32_t)x) / one;
        double tangent = sc_tanh((int32_t)x == INT32_MIN ? INT32_MIN + 1 : (int32_t)x) / one;
        assert(fabs(logistic - 1 / (1 + exp(-real))) < 3e-7);
        assert(fabs(tangent - tanh(real)) < 3e-7);
        if (x <= 0) {
            assert(fabs(sc_exp_on_negative_values((int32_t)x, 4) / one - exp(real)) < 3e-7);
            assert(fabs(sc_exp_on_negative_values((int32_t)x, 5) / one - exp(2 * real)) < 3e-7);
        }
    }
    for (uint32_t x = 1; x < 1u << 31; x += x / 97 + 1) {
        int32_t bits;
        double reciprocal = sc_get_reciprocal(x, 12, &bits) / one;
        assert(fabs(reciprocal * (x / 524288.0) / ldexp(1, bits) - 1) < 3e-7);
    }
}

int main(void) {
    test_products_and_shifts_round_like_wide_arithmetic();
    test_factor_is_that_of_doubles();
    test_scaled_value_is_near_the_real_product();
    test_one_product_gives_the_value_of_two_roundings();
    test_rounding_and_scales();
    test_functions_are_near_the_real_ones();
    puts("quantize: ok");
    return 0;
}
