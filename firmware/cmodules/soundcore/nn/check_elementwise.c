// Rules of the operators that compute each value from the values at one place.
#include "nn/checks.h"

#include "nn/quantize.h"

// Integer bits of what logistic, tanh and softmax's exp are computed from.
#define SATURATING_BITS (4)
#define SOFTMAX_BITS (5)
// The sum of softmax's exponentials has 12 integer bits.
#define SOFTMAX_MAX_DEPTH (4095)

// Size of a dimension counted from the last, 1 beyond the first.
static int32_t dim_from_end(const sc_tflite_tensor_t *t, int32_t i) {
    return i < t->dims ? t->shape[t->dims - 1 - i] : 1;
}

// Loops over the output with the steps of both inputs, 0 where one is repeated.
static int set_broadcast(sc_checks_t *c, const sc_tflite_tensor_t *b) {
    int32_t a_step = 1, b_step = 1;
    int32_t dims = c->a.dims > b->dims ? c->a.dims : b->dims;
    if (c->out.dims != dims) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    for (int32_t i = 0; i < (dims ? dims : 1); i++) {
        int32_t a_size = dim_from_end(&c->a, i), b_size = dim_from_end(b, i);
        int32_t size = a_size == 1 ? b_size : a_size;
        if ((b_size != 1 && b_size != size) || dim_from_end(&c->out, i) != size) {
            return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
        }
        sc_checks_push_axis(c->op, size, a_size == 1 ? 0 : a_step, b_size == 1 ? 0 : b_step);
        a_step *= a_size;
        b_step *= b_size;
    }
    return 1;
}

// A multiplier below one, which sums need so that nothing overflows.
static int small_multiplier(sc_checks_t *c, double real, int32_t *multiplier, int8_t *shift) {
    if (!sc_checks_multiplier(c, real, multiplier, shift)) {
        return 0;
    }
    return (real < 1.0 && *shift <= 0) || sc_checks_fail(c, SC_E_MULTIPLIER, c->op->output);
}

// Both inputs are brought to twice the larger scale, shifted left by 20, and the sum to the output's scale.
static int set_sum(sc_checks_t *c, const sc_tflite_tensor_t *b) {
    sc_kernel_binary_t *k = &c->op->kernel.binary;
    float larger = c->a.scale > b->scale ? c->a.scale : b->scale;
    double a_real, b_real, out_real;
    k->sign = 1;
    if (c->op->builtin == SC_OP_ADD) {
        double twice = 2 * (double)larger;
        a_real = (double)c->a.scale / twice;
        b_real = (double)b->scale / twice;
        out_real = twice / ((1 << 20) * (double)c->out.scale);
    } else {
        // The reference computes these in single precision, for SUB only.
        float twice = 2 * larger;
        a_real = (double)(c->a.scale / twice);
        b_real = (double)(b->scale / twice);
        out_real = (double)(twice / ((1 << 20) * c->out.scale));
        k->sign = -1;
    }
    return small_multiplier(c, a_real, &k->a_multiplier, &k->a_shift)
           && small_multiplier(c, b_real, &k->b_multiplier, &k->b_shift)
           && small_multiplier(c, out_real, &k->out_multiplier, &k->out_shift);
}

int sc_check_elementwise_binary(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_kernel_binary_t *k = &op->kernel.binary;
    sc_tflite_tensor_t b;
    op->input_count = 2;
    op->in_place = 1;
    if (!sc_checks_activation(c, op->inputs[1], &b) || !set_broadcast(c, &b)) {
        return 0;
    }
    k->a_zero = (int8_t)c->a.zero_point;
    k->b_zero = (int8_t)b.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    if (!sc_checks_range(c, sc_tflite_field_int8(c->view, c->source.options, 0, 0), &k->low, &k->high)) {
        return 0;
    }
    if (op->builtin != SC_OP_MUL) {
        k->head.kind = SC_KERNEL_ADD;
        return set_sum(c, &b);
    }
    k->head.kind = SC_KERNEL_MUL;
    return sc_checks_multiplier(c, (double)c->a.scale * (double)b.scale / (double)c->out.scale,
                                      &k->out_multiplier, &k->out_shift);
}

static int same_elements(sc_checks_t *c) {
    return c->a.elements == c->out.elements || sc_checks_fail(c, SC_E_SHAPE, c->op->output);
}

int sc_check_elementwise_saturating(sc_checks_t *c) {
    sc_kernel_unary_t *k = &c->op->kernel.unary;
    int logistic = c->op->builtin == SC_OP_LOGISTIC;
    c->op->in_place = 1;
    if (!same_elements(c)) {
        return 0;
    }
    if (c->out.zero_point != (logistic ? -128 : 0) || c->out.scale != (logistic ? 1.0f / 256 : 1.0f / 128)) {
        return sc_checks_fail(c, SC_E_QUANT, c->op->output);
    }
    k->head.kind = logistic ? SC_KERNEL_LOGISTIC : SC_KERNEL_TANH;
    k->count = (int32_t)c->a.elements;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    if (c->a.scale >= 16.0f) {
        return 1; // every step saturates
    }
    double real = (double)c->a.scale * (double)(1 << (31 - SATURATING_BITS));
    if (!sc_checks_multiplier(c, real, &k->multiplier, &k->shift)) {
        return 0;
    }
    if (k->shift < 0) {
        return sc_checks_fail(c, SC_E_MULTIPLIER, c->op->inputs[0]);
    }
    k->radius = (((1 << SATURATING_BITS) - 1) << (31 - SATURATING_BITS)) >> k->shift;
    return 1;
}

int sc_check_elementwise_softmax(sc_checks_t *c) {
    sc_kernel_softmax_t *k = &c->op->kernel.softmax;
    c->op->in_place = 1;
    if (!same_elements(c)) {
        return 0;
    }
    if (c->a.dims < 1 || c->out.dims != c->a.dims || c->out.shape[c->a.dims - 1] != c->a.shape[c->a.dims - 1]) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    if (c->out.zero_point != -128 || c->out.scale != 1.0f / 256) {
        return sc_checks_fail(c, SC_E_QUANT, c->op->output);
    }
    k->head.kind = SC_KERNEL_SOFTMAX;
    k->depth = c->a.shape[c->a.dims - 1];
    k->rows = (int32_t)c->a.elements / k->depth;
    if (k->depth > SOFTMAX_MAX_DEPTH) {
        return sc_checks_fail(c, SC_E_LIMIT, c->op->inputs[0]);
    }
    float beta = sc_tflite_field_float(c->view, c->source.options, 0, 0.0f);
    double real = (double)beta * (double)c->a.scale * (double)(1 << (31 - SOFTMAX_BITS));
    if (!(real > 1.0)) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, c->op->inputs[0]);
    }
    const double most = 2147483647.0;
    if (!sc_checks_multiplier(c, real < most ? real : most, &k->multiplier, &k->shift)) {
        return 0;
    }
    k->diff_min = -((((1 << SOFTMAX_BITS) - 1) << (31 - SOFTMAX_BITS)) >> k->shift);
    return 1;
}

int sc_check_elementwise_quantize(sc_checks_t *c) {
    sc_kernel_unary_t *k = &c->op->kernel.unary;
    c->op->in_place = 1;
    k->head.kind = SC_KERNEL_QUANTIZE;
    k->count = (int32_t)c->a.elements;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    return same_elements(c)
           && sc_checks_multiplier(c, (double)c->a.scale / (double)c->out.scale, &k->multiplier, &k->shift);
}
