// QUANTIZE: to another scale and zero point.
#include "nn/ops.h"
#include "nn/quantize.h"

typedef struct {
    sc_record_t head; // a (count), out (count)
    int32_t count;
    int32_t multiplier;
    int8_t shift, in_zero, out_zero;
} quantize_t;

int sc_op_quantize_check(sc_checks_t *c) {
    quantize_t *k = SC_CHECKS_RECORD(c, quantize_t);
    c->op->layout = SC_LAYOUT_IN_PLACE;
    k->count = (int32_t)c->a.elements;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    return sc_checks_same_elements(c)
           && sc_checks_multiplier(c, c->a.scale, 1, c->out.scale, &k->multiplier, &k->shift);
}

void sc_op_quantize_run(const void *record) {
    const quantize_t *k = record;
    for (int32_t i = 0; i < k->count; i++) {
        k->head.out[i] = sc_quantize_output(k->head.a[i] - k->in_zero, k->multiplier, k->shift, k->out_zero, -128, 127);
    }
}
