// LOGISTIC and TANH. An operator of many values looks them up in a table of the results of all 256 inputs, made with
// the model.
#include "nn/ops.h"
#include "nn/quantize.h"
#include "nn/transcendental.h"

// Integer bits of what they are computed from.
#define INTEGER_BITS (4)
// Values from which on the memory of a table is worth it.
#define TABLE_FROM (32)

typedef struct {
    sc_record_t head;     // a (count), out (count)
    const uint8_t *table; // (256) by a as uint8, or NULL
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
    if (!sc_checks_multiplier(c, c->a.scale, 1 << (31 - INTEGER_BITS), 1, &k->multiplier, &k->shift)) {
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

// The output of one input, for the table and for operators of few values.
static SC_COLD int8_t value(const saturating_t *k, int32_t a) {
    int tanh = k->head.op == SC_OPS_TANH;
    int32_t x = a - k->in_zero;
    if (x <= -k->radius) {
        return -128;
    }
    if (x >= k->radius) {
        return 127;
    }
    x = sc_multiply_by_quantized_multiplier(x, k->multiplier, k->shift);
    int32_t y = tanh ? sc_rounding_divide_by_pot(sc_tanh(x), 24) : sc_rounding_divide_by_pot(sc_logistic(x), 23);
    y += k->out_zero;
    return (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
}

// The table follows the record, which counts its bytes as its own.
int sc_op_saturating_prepare(sc_prepare_t *p, sc_op_t *op) {
    saturating_t *k = sc_prepare_record(p, op);
    if (((const saturating_t *)(const void *)op->record.bytes)->count < TABLE_FROM) {
        return 1;
    }
    uint8_t *table = sc_prepare_take(p, 256, sizeof(void *));
    if (table) {
        k->head.bytes = (k->head.bytes + 256) & 0x1fffff;
        for (int32_t a = -128; a < 128; a++) {
            table[(uint8_t)a] = (uint8_t)value(k, a);
        }
        k->table = table;
    }
    return 1;
}

void sc_op_saturating_run(const void *record) {
    const saturating_t *k = record;
    const uint8_t *a = (const uint8_t *)k->head.a, *table = k->table;
    for (int32_t i = 0; i < k->count; i++) {
        k->head.out[i] = table ? (int8_t)table[a[i]] : value(k, (int8_t)a[i]);
    }
}
