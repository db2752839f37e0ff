#include "detect/probability.h"

#include <string.h>

#define STEP_BITS (7) // the table has 32 steps per unit: 4096 / 32 = 1 << 7

uint64_t sc_mul_q60(uint64_t a, uint64_t b) {
    uint32_t ah = (uint32_t)(a >> 32), al = (uint32_t)a, bh = (uint32_t)(b >> 32), bl = (uint32_t)b;
    uint64_t low = (uint64_t)al * bl;
    uint64_t middle = (uint64_t)ah * bl + (low >> 32);
    uint64_t other = (uint64_t)al * bh + (uint32_t)middle;
    uint64_t high = (uint64_t)ah * bh + (middle >> 32) + (other >> 32);
    return high << 4 | (uint32_t)other >> 28;
}

uint64_t sc_divide_short(uint64_t x, uint32_t k) {
    uint64_t quotient = 0;
    uint32_t rest = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        uint32_t part = rest << 16 | (uint32_t)(x >> shift & 0xffff);
        quotient = quotient << 16 | part / k;
        rest = part % k;
    }
    return quotient;
}

uint64_t sc_exp_q60(uint64_t x) {
    int halvings = 0;
    while (x >> (18 + halvings) != 0) {
        if (++halvings > 40) {
            return 0;
        }
    }
    // x in Q60, and halved so often that it is below 1/4.
    uint64_t y = x << (40 - halvings);
    uint64_t term = (uint64_t)1 << 60, total = term;
    for (uint32_t k = 1; k < 20; k++) {
        term = sc_divide_short(sc_mul_q60(term, y), k);
        total += k & 1 ? 0 - term : term;
    }
    for (; halvings > 0; halvings--) {
        total = sc_mul_q60(total, total);
    }
    return total;
}

void sc_powers(uint64_t base, uint16_t *out, size_t count) {
    uint64_t value = (uint64_t)1 << 60;
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint16_t)((value + ((uint64_t)1 << 44)) >> 45);
        value = sc_mul_q60(value, base);
    }
}

uint32_t sc_scale_q20(float scale) {
    // The float's own bits, as many chips have no floats: 1.m * 2^(e - 127), of which 2^21 are a step.
    uint32_t bits;
    memcpy(&bits, &scale, sizeof(bits));
    int shift = 127 + 23 - 21 - (int)(bits >> 23 & 0xff);
    uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
    uint32_t twice = shift > 31 ? 0 : shift >= 0 ? mantissa >> shift : shift > -8 ? mantissa << -shift : 0x7fffffff;
    return (twice + 1) >> 1;
}

// exp(-x) in Q15 for x >= 0 in Q12: linear between the table's entries, error below 6e-5.
static int32_t exp_neg(const uint16_t *exp, int32_t x) {
    int32_t i = x >> STEP_BITS;
    if (i >= SC_EXP_ENTRIES - 2) {
        return 0;
    }
    int32_t a = exp[i];
    return a - (((a - exp[i + 1]) * (x & 127) + 64) >> STEP_BITS);
}

uint16_t sc_sigmoid(const uint16_t *exp, int32_t z) {
    int32_t e = exp_neg(exp, z >= 0 ? z : -z), total = SC_ONE_Q15 + e;
    return (uint16_t)(((z >= 0 ? SC_ONE_Q15 : e) * 2000 + total) / (2 * total));
}

void sc_softmax(const uint16_t *exp, int32_t *z, uint16_t *out, size_t count) {
    int32_t top = z[0];
    uint32_t total = 0;
    for (size_t i = 1; i < count; i++) {
        top = z[i] > top ? z[i] : top;
    }
    for (size_t i = 0; i < count; i++) {
        z[i] = exp_neg(exp, top - z[i]);
        total += (uint32_t)z[i];
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint16_t)(((uint32_t)z[i] * 2000 + total) / (2 * total));
    }
}

int32_t sc_log2_q16(uint64_t x) {
    int whole = 0;
    while (x >> whole > 1) {
        whole++;
    }
    // The mantissa in Q14, 1 <= m < 2; squaring it moves the next bit of the logarithm in front of the point.
    uint32_t m = (uint32_t)(whole < 14 ? x << (14 - whole) : x >> (whole - 14));
    int32_t result = whole;
    for (int i = 0; i < 16; i++) {
        m = m * m >> 14;
        result = result << 1 | (int32_t)(m >> 15);
        m >>= m >> 15;
    }
    return result;
}
