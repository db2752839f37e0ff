#include "nn/quantize.h"

#include <string.h>
#include "hot.h"

sc_err_t sc_quantize_multiplier(double real, sc_quantized_multiplier_t *factor) {
    uint64_t bits;
    memcpy(&bits, &real, sizeof(bits));
    int32_t exponent = (int32_t)(bits >> 52); // the sign bit makes it large
    factor->multiplier = 0;
    factor->shift = 0;
    if (exponent > 0x7fe) {
        return SC_E_MULTIPLIER;
    }
    if (exponent == 0) {
        return SC_OK; // zero, or too small to matter
    }
    // real = mantissa * 2^(shift - 53), mantissa in [2^52, 2^53).
    uint64_t mantissa = (bits & 0xfffffffffffffull) | 0x10000000000000ull;
    int32_t shift = exponent - 1022;
    uint64_t multiplier = (mantissa + (1u << 21)) >> 22;
    if (multiplier == 1ull << 31) {
        multiplier >>= 1;
        shift++;
    }
    if (shift < -31) {
        return SC_OK;
    }
    if (shift > 31) {
        return SC_E_MULTIPLIER;
    }
    factor->multiplier = (int32_t)multiplier;
    factor->shift = shift;
    return SC_OK;
}

int64_t sc_quantize_round(double x) {
    return x < 0 ? -(int64_t)(0.5 - x) : (int64_t)(x + 0.5);
}

int sc_quantize_is_scale(float scale) {
    uint32_t bits;
    memcpy(&bits, &scale, sizeof(bits));
    return bits != 0 && bits < 0x7f800000u;
}

SC_HOT int32_t sc_quantize_scale(int32_t x, int32_t multiplier, int32_t shift) {
    return sc_multiply_by_quantized_multiplier(x, multiplier, shift);
}
