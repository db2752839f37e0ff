#include "nn/transcendental.h"

#include "nn/quantize.h"

// x * 2^exponent, saturated.
static int32_t saturating_rounding_multiply_by_pot(int32_t x, int32_t exponent) {
    int32_t limit = (1 << (31 - exponent)) - 1;
    return x > limit ? INT32_MAX : x < -limit ? INT32_MIN : x * (1 << exponent);
}

// exp(x) for x in [-1/4, 0): the Taylor series around -1/8 to its fourth power.
static int32_t exp_on_interval_between_negative_one_quarter_and_0_excl(int32_t raw) {
    const int32_t exp_of_eighth = 1895147668; // exp(-1/8)
    const int32_t third = 715827883;
    int32_t x = raw + (1 << 28);
    int32_t x2 = sc_saturating_rounding_doubling_high_mul(x, x);
    int32_t x3 = sc_saturating_rounding_doubling_high_mul(x2, x);
    int32_t x4 = sc_saturating_rounding_doubling_high_mul(x2, x2);
    int32_t high = sc_saturating_rounding_doubling_high_mul(sc_rounding_divide_by_pot(x4, 2) + x3, third);
    int32_t sum = x + sc_rounding_divide_by_pot(high + x2, 1);
    return exp_of_eighth + sc_saturating_rounding_doubling_high_mul(exp_of_eighth, sum);
}

int32_t sc_exp_on_negative_values(int32_t x, int32_t integer_bits) {
    // exp(-1/4), exp(-1/2), exp(-1) ... exp(-16)
    static const int32_t powers[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    if (x == 0) {
        return INT32_MAX;
    }
    int32_t quarter = 1 << (31 - integer_bits - 2);
    int32_t fraction = (x & (quarter - 1)) - quarter; // in [-1/4, 0)
    int32_t result = exp_on_interval_between_negative_one_quarter_and_0_excl(
        saturating_rounding_multiply_by_pot(fraction, integer_bits));
    int32_t rest = fraction - x; // a multiple of 1/4
    for (int32_t i = 0; i < integer_bits + 2; i++) {
        if (rest & (quarter << i)) {
            result = sc_saturating_rounding_doubling_high_mul(result, powers[i]);
        }
    }
    return result;
}

// 1 / ((1 + x) / 2) for x in [0, 1), 2 integer bits: Newton's method from the line 48/17 - 32/17 d.
static int32_t half_denominator_reciprocal(int32_t x) {
    int32_t d = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t y = 1515870810 + sc_saturating_rounding_doubling_high_mul(d, -1010580540);
    for (int32_t i = 0; i < 3; i++) {
        int32_t error = (1 << 29) - sc_saturating_rounding_doubling_high_mul(d, y);
        y += saturating_rounding_multiply_by_pot(sc_saturating_rounding_doubling_high_mul(y, error), 2);
    }
    return y;
}

// 1 / (1 + x) for x in [0, 1).
static int32_t one_over_one_plus_x_for_x_in_0_1(int32_t x) {
    return saturating_rounding_multiply_by_pot(half_denominator_reciprocal(x), 1);
}

int32_t sc_logistic(int32_t x) {
    if (x == 0) {
        return 1 << 30;
    }
    int32_t y = one_over_one_plus_x_for_x_in_0_1(sc_exp_on_negative_values(x > 0 ? -x : x, 4));
    return x > 0 ? y : INT32_MAX - y;
}

int32_t sc_tanh(int32_t x) {
    if (x == 0) {
        return 0;
    }
    // (1 - e) / (1 + e) with e = exp(-2 |x|); doubling is one more integer bit.
    int32_t half = half_denominator_reciprocal(sc_exp_on_negative_values(x > 0 ? -x : x, 5));
    int32_t y = saturating_rounding_multiply_by_pot(half - (1 << 29), 2);
    return x > 0 ? y : -y;
}

int32_t sc_get_reciprocal(uint32_t x, int32_t integer_bits, int32_t *bits_over_unit) {
    int32_t zeros = 0;
    while (!(x & 0x80000000u)) {
        x <<= 1;
        zeros++;
    }
    *bits_over_unit = integer_bits - zeros;
    return one_over_one_plus_x_for_x_in_0_1((int32_t)(x - 0x80000000u));
}
