// HARD_SWISH: x * min(max(x + 3, 0), 6) / 6, in 16-bit fixed point.
#include "nn/ops.h"
#include "nn/quantize.h"

#define HIGH_BITS (7) // by which a difference of two int8 is shifted to fill 16 bits
#define MAX_RIGHT (15)

typedef struct {
    sc_record_t head; // a (count), out (count)
    int32_t count;
    int16_t gate_multiplier, multiplier; // of x in units of 3 / 2^15, and of the output
    int8_t gate_shift, right;            // positive: left; right
    int8_t in_zero, out_zero;
} hard_swish_t;

// The upper half of a 32-bit multiplier, rounded.
static int16_t upper_half(int32_t multiplier) {
    return multiplier >= INT32_MAX - (1 << 15) ? INT16_MAX : (int16_t)((multiplier + (1 << 15)) >> 16);
}

int sc_op_hard_swish_check(sc_checks_t *c) {
    hard_swish_t *k = SC_CHECKS_RECORD(c, hard_swish_t);
    int32_t multiplier, gate_multiplier;
    int8_t shift;
    c->op->layout = SC_LAYOUT_IN_PLACE;
    if (!sc_checks_same_elements(c)) {
        return 0;
    }
    // The reference computes these in single precision.
    float high = (1.0f / (1 << HIGH_BITS)) * c->a.scale, gate = 3.0f / 32768.0f;
    if (!sc_checks_multiplier(c, high / c->out.scale, 1, 1, &multiplier, &shift)
        || !sc_checks_multiplier(c, high / gate, 1, 1, &gate_multiplier, &k->gate_shift)) {
        return 0;
    }
    if (shift > 0 || shift < -MAX_RIGHT || k->gate_shift < -MAX_RIGHT) {
        return sc_checks_fail(c, SC_E_MULTIPLIER, c->op->output);
    }
    k->count = (int32_t)c->a.elements;
    k->multiplier = upper_half(multiplier);
    k->gate_multiplier = upper_half(gate_multiplier);
    k->right = (int8_t)-shift;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    return 1;
}

static int32_t saturate(int64_t x) {
    return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : (int32_t)x;
}

// a * b / 2^15 to nearest, halves upwards.
static int32_t high_mul(int32_t a, int32_t b) {
    int32_t product = a * b;
    return (product + (product >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15);
}

// How far x is from -3 to 3, as 0 to 2^15 - 1.
static int32_t gate_of(const hard_swish_t *k, int32_t x) {
    int32_t left = k->gate_shift > 0 ? k->gate_shift - 1 : 0;
    int32_t y = high_mul(saturate((int64_t)x * ((int64_t)1 << left)), k->gate_multiplier);
    if (k->gate_shift > 0) {
        y = saturate(2 * (int64_t)y);
    } else {
        y = sc_rounding_divide_by_pot(y, -k->gate_shift);
    }
    return (y + (1 << 15)) >> 1;
}

void sc_op_hard_swish_run(const void *record) {
    const hard_swish_t *k = record;
    for (int32_t i = 0; i < k->count; i++) {
        int32_t x = (k->head.a[i] - k->in_zero) * (1 << HIGH_BITS);
        int32_t product = gate_of(k, x) * high_mul(x, k->multiplier) / (1 << 15);
        // Adding the zero point wraps around at 16 bits, as in the reference.
        int32_t y = (int16_t)(uint16_t)(sc_rounding_divide_by_pot(product, k->right) + k->out_zero);
        k->head.out[i] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
}
