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

// logistic(i / 24) with 16 fractional bits; a tanh is that of twice the value. The values are TensorFlow Lite Micro's,
// found from what it computes: up to 2 above the nearest ones.
static const uint16_t logistic_table[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794, 41432, 42064, 42688,
    43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443, 48964, 49475, 49975, 50464, 50942, 51409,
    51865, 52311, 52745, 53169, 53581, 53983, 54374, 54755, 55125, 55485, 55834, 56174, 56503, 56823, 57133, 57433,
    57724, 58007, 58280, 58544, 58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370, 60565, 60753, 60935, 61110,
    61279, 61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666, 62778, 62886, 62990, 63090, 63186,
    63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968, 64030, 64090, 64148, 64204, 64257, 64308,
    64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652, 64687, 64721, 64754, 64786, 64816, 64845, 64873, 64900,
    64926, 64950, 64974, 64997, 65019, 65039, 65060, 65079, 65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208,
    65221, 65234, 65246, 65258, 65269, 65280, 65291, 65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360, 65367,
    65374, 65381, 65387, 65393, 65399, 65404, 65410, 65415, 65420, 65425, 65429, 65433, 65438, 65442, 65445, 65449,
    65453, 65456, 65459, 65462, 65465, 65468, 65471, 65474, 65476, 65479, 65481, 65483, 65485, 65488, 65489, 65491,
    65493, 65495, 65497, 65498, 65500, 65501, 65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513,
    65514, 65515, 65516, 65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524,
    65525, 65525, 65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529, 65529, 65530, 65530,
    65530, 65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532, 65532, 65533, 65533, 65533,
    65533, 65533, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65535
};

// The table at |x| / 2^bits, between its values; those beyond it are 2^16 - 1.
static int32_t between(uint32_t x, int32_t bits) {
    uint32_t i = x >> bits, rest = x & ((1u << bits) - 1);
    if (i >= 255) {
        return 0xffff << bits;
    }
    return (int32_t)(((uint32_t)logistic_table[i] << bits)
                     + rest * (uint32_t)(logistic_table[i + 1] - logistic_table[i]));
}

int16_t sc_logistic_16(int16_t x) {
    int32_t scaled = 3 * x; // 24 / 2^12 with 9 fractional bits
    uint32_t size = (uint32_t)(scaled < 0 ? -scaled : scaled);
    int32_t y = size >> 9 >= 255 ? 0x7fff << 10 : between(size, 9);
    return (int16_t)((scaled < 0 ? (1 << 25) - y + (1 << 9) - 1 : y + (1 << 9)) >> 10);
}

int16_t sc_tanh_16(int16_t x, int32_t left) {
    int32_t scaled = left < 0 ? (3 * x + (1 << (-left - 1))) >> -left : 3 * x * (1 << left);
    int32_t y = between((uint32_t)(scaled < 0 ? -scaled : scaled), 8) - (1 << 23);
    return (int16_t)((scaled < 0 ? -y + (1 << 7) - 1 : y + (1 << 7)) >> 8);
}
