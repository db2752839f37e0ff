// LEAKY_RELU: x from zero on, alpha * x below.
#include "nn/ops.h"
#include "nn/quantize.h"

typedef struct {
    sc_record_t head; // a (count), out (count)
    int32_t count;
    int32_t multiplier, alpha_multiplier;
    int8_t shift, alpha_shift, in_zero, out_zero;
} leaky_relu_t;

int sc_op_leaky_relu_check(sc_checks_t *c) {
    leaky_relu_t *k = SC_CHECKS_RECORD(c, leaky_relu_t);
    c->op->layout = SC_LAYOUT_IN_PLACE;
    k->count = (int32_t)c->a.elements;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    float alpha = sc_tflite_field_float(c->view, c->source.options, SC_LEAKY_RELU_OPTIONS_ALPHA, 0.0f);
    // The reference computes both in single precision.
    float identity = c->a.scale / c->out.scale, scaled = c->a.scale * alpha / c->out.scale;
    return sc_checks_same_elements(c) && sc_checks_multiplier(c, identity, 1, 1, &k->multiplier, &k->shift)
           && sc_checks_multiplier(c, scaled, 1, 1, &k->alpha_multiplier, &k->alpha_shift);
}

void sc_op_leaky_relu_run(const void *record) {
    const leaky_relu_t *k = record;
    for (int32_t i = 0; i < k->count; i++) {
        int32_t x = k->head.a[i] - k->in_zero;
        int32_t multiplier = x < 0 ? k->alpha_multiplier : k->multiplier, shift = x < 0 ? k->alpha_shift : k->shift;
        k->head.out[i] = sc_quantize_output(x, multiplier, shift, k->out_zero, -128, 127);
    }
}
