#include "nn/quantize.h"

#include "hot.h"

// The exponent of a float that is neither negative nor infinite: its value is mantissa * 2^exponent, with bit 23 of the
// mantissa set, or 0.
static int32_t unpack(float x, uint32_t *mantissa) {
    uint32_t bits = sc_quantize_float_bits(x);
    int32_t exponent = (int32_t)(bits >> 23);
    bits &= 0x7fffff;
    if (exponent) {
        *mantissa = bits | 0x800000;
        return exponent - 150;
    }
    for (; bits != 0 && bits >> 23 == 0; bits <<= 1) {
        exponent--;
    }
    *mantissa = bits;
    return exponent - 149;
}

sc_err_t sc_quantize_multiplier(float a, float b, float c, sc_quantized_multiplier_t *factor) {
    uint32_t x, y, divisor, quotient = 0;
    *factor = (sc_quantized_multiplier_t){0, 0};
    if (sc_quantize_float_bits(a) >= 0x7f800000u || sc_quantize_float_bits(b) >= 0x7f800000u) {
        return SC_E_MULTIPLIER; // negative numbers have larger bits
    }
    int32_t shift = 57 + unpack(a, &x) + unpack(b, &y) - unpack(c, &divisor);
    uint64_t product = (uint64_t)x * y;
    if (product == 0) {
        return SC_OK;
    }
    // Bit by bit, from the product's upper half: 32 bits, the first of them set. All of the product is divided by then.
    uint32_t rest = (uint32_t)(product >> 24), below = (uint32_t)product << 8;
    for (;;) {
        shift--;
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient++;
        }
        if (quotient >> 31) {
            break;
        }
        rest = rest << 1 | below >> 31;
        below <<= 1;
    }
    // Rounded to 31 bits, halves upwards, as if rounded to a double's 53 first: what is less than half of its last bit
    // below a half becomes one.
    uint32_t multiplier = (quotient >> 1) + ((quotient & 1) || divisor - rest <= divisor >> 22);
    if (multiplier >> 31) {
        multiplier >>= 1;
        shift++;
    }
    if (shift > 31) {
        return SC_E_MULTIPLIER;
    }
    if (shift >= -31) {
        *factor = (sc_quantized_multiplier_t){(int32_t)multiplier, shift};
    }
    return SC_OK;
}

int32_t sc_quantize_round(float x) {
    uint32_t bits = sc_quantize_float_bits(x), mantissa = (bits & 0x7fffff) | 0x800000;
    int32_t right = 150 - (int32_t)(bits >> 23 & 0xff);
    int32_t n = right <= 0 ? (int32_t)(mantissa << -right) : right > 24 ? 0
                : (int32_t)((mantissa + (1u << (right - 1))) >> right);
    return bits >> 31 ? -n : n;
}

int sc_quantize_is_scale(float scale) {
    uint32_t bits = sc_quantize_float_bits(scale);
    return bits != 0 && bits < 0x7f800000u;
}

SC_HOT int32_t sc_quantize_scale(int32_t x, int32_t multiplier, int32_t shift) {
    return sc_multiply_by_quantized_multiplier(x, multiplier, shift);
}
