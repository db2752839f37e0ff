// LOGISTIC and TANH.
#include "nn/ops.h"
#include "nn/quantize.h"
#include "nn/transcendental.h"

// Integer bits of what they are computed from.
#define INTEGER_BITS (4)

typedef struct {
    sc_record_t head; // a (count), out (count)
    int32_t count;
    int32_t multiplier;
    int32_t radius;   // |a - in_zero| from here on is saturated
    int8_t shift, in_zero, out_zero;
} saturating_t;

static int check(sc_checks_t *c, float out_scale, int32_t out_zero) {
    saturating_t *k = SC_CHECKS_RECORD(c, saturating_t);
    c->op->layout = SC_LAYOUT_IN_PLACE;
    if (!sc_checks_same_elements(c)) {
        return 0;
    }
    if (c->out.zero_point != out_zero || c->out.scale != out_scale) {
        return sc_checks_fail(c, SC_E_QUANT, c->op->output);
    }
    k->count = (int32_t)c->a.elements;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)out_zero;
    if (c->a.scale >= 16.0f) {
        return 1; // every step saturates
    }
    double real = (double)c->a.scale * (double)(1 << (31 - INTEGER_BITS));
    if (!sc_checks_multiplier(c, real, &k->multiplier, &k->shift)) {
        return 0;
    }
    if (k->shift < 0) {
        return sc_checks_fail(c, SC_E_MULTIPLIER, c->op->inputs[0]);
    }
    k->radius = (((1 << INTEGER_BITS) - 1) << (31 - INTEGER_BITS)) >> k->shift;
    return 1;
}

int sc_op_logistic_check(sc_checks_t *c) {
    return check(c, 1.0f / 256, -128);
}

int sc_op_tanh_check(sc_checks_t *c) {
    return check(c, 1.0f / 128, 0);
}

// f: int32 with 4 integer bits -> int32 with none. drop: bits of its result below those of the output.
static void saturating(const saturating_t *k, int32_t (*f)(int32_t), int32_t drop) {
    for (int32_t i = 0; i < k->count; i++) {
        int32_t x = k->head.a[i] - k->in_zero;
        if (x <= -k->radius) {
            k->head.out[i] = -128;
        } else if (x >= k->radius) {
            k->head.out[i] = 127;
        } else {
            int32_t y = f(sc_multiply_by_quantized_multiplier(x, k->multiplier, k->shift));
            y = sc_rounding_divide_by_pot(y, drop) + k->out_zero;
            k->head.out[i] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
        }
    }
}

void sc_op_logistic_run(const void *record) {
    saturating(record, sc_logistic, 23);
}

void sc_op_tanh_run(const void *record) {
    saturating(record, sc_tanh, 24);
}
