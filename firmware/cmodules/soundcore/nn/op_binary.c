// ADD, SUB and MUL of two tensors, with broadcasting.
#include "nn/ops.h"
#include "nn/quantize.h"

// Left shift of the inputs of a sum before they are brought to one scale.
#define SUM_SHIFT (20)

typedef struct {
    sc_record_t head; // a, b and out, broadcast along the axes whose step is 0; out is contiguous
    int32_t a_multiplier, b_multiplier, out_multiplier; // MUL: out only
    int8_t a_shift, b_shift, out_shift;
    int8_t a_zero, b_zero, out_zero, low, high;
    int8_t sign;      // -1 for SUB
} binary_t;           // and its axes

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

// A multiplier x * y / z below one, which sums need so that nothing overflows.
static int small_multiplier(sc_checks_t *c, float x, float y, float z, int32_t *multiplier, int8_t *shift) {
    return sc_checks_multiplier(c, x, y, z, multiplier, shift)
           && (*shift <= 0 || sc_checks_fail(c, SC_E_MULTIPLIER, c->op->output));
}

// Both inputs are brought to twice the larger scale, shifted left, and the sum to the output's scale.
static int set_sum(sc_checks_t *c, binary_t *k, const sc_tflite_tensor_t *b) {
    float larger = c->a.scale > b->scale ? c->a.scale : b->scale;
    const float half = 0.5f, shifted = 2.0f / (1 << SUM_SHIFT);
    k->sign = c->op->builtin == BuiltinOperator_SUB ? -1 : 1;
    return small_multiplier(c, c->a.scale, half, larger, &k->a_multiplier, &k->a_shift)
           && small_multiplier(c, b->scale, half, larger, &k->b_multiplier, &k->b_shift)
           && small_multiplier(c, larger, shifted, c->out.scale, &k->out_multiplier, &k->out_shift);
}

static binary_t *check(sc_checks_t *c, uint32_t activation, sc_tflite_tensor_t *b) {
    sc_op_t *op = c->op;
    binary_t *k = SC_CHECKS_RECORD(c, binary_t);
    op->input_count = 2;
    op->layout = SC_LAYOUT_IN_PLACE;
    if (!sc_checks_activation(c, op->inputs[1], b) || !set_broadcast(c, b)) {
        return NULL;
    }
    k->a_zero = (int8_t)c->a.zero_point;
    k->b_zero = (int8_t)b->zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    return sc_checks_range(c, sc_checks_option_int8(c, activation), &k->low, &k->high) ? k : NULL;
}

int sc_op_add_check(sc_checks_t *c) {
    sc_tflite_tensor_t b;
    binary_t *k = check(c, SC_ADD_OPTIONS_FUSED_ACTIVATION_FUNCTION, &b);
    return k && set_sum(c, k, &b);
}

int sc_op_sub_check(sc_checks_t *c) {
    sc_tflite_tensor_t b;
    binary_t *k = check(c, SC_SUB_OPTIONS_FUSED_ACTIVATION_FUNCTION, &b);
    return k && set_sum(c, k, &b);
}

int sc_op_mul_check(sc_checks_t *c) {
    sc_tflite_tensor_t b;
    binary_t *k = check(c, SC_MUL_OPTIONS_FUSED_ACTIVATION_FUNCTION, &b);
    return k && sc_checks_multiplier(c, c->a.scale, b.scale, c->out.scale, &k->out_multiplier, &k->out_shift);
}

// x 2^20 times a multiplier: with 9 bits in x two products of 32 bits give what the high product of 64 rounds to.
static inline int32_t sum_term(int32_t x, int32_t multiplier, int32_t shift) {
    int32_t product = x * (multiplier >> 11) + ((x * (multiplier & 2047) + (1 << 10)) >> 11);
    return sc_rounding_divide_by_pot(product, -shift);
}

// The innermost loop of a broadcast operator.
typedef void row_t(const binary_t *k, const sc_axis_t *axis, const int8_t *a, const int8_t *b,
                   int8_t *out);

static void add_row(const binary_t *k, const sc_axis_t *axis, const int8_t *a, const int8_t *b,
                    int8_t *out) {
    for (int32_t i = 0; i < axis->count; i++, a += axis->a_step, b += axis->b_step) {
        int32_t x = sum_term(*a - k->a_zero, k->a_multiplier, k->a_shift);
        int32_t y = sum_term(*b - k->b_zero, k->b_multiplier, k->b_shift);
        out[i] = sc_quantize_output(x + k->sign * y, k->out_multiplier, k->out_shift, k->out_zero, k->low, k->high);
    }
}

static void mul_row(const binary_t *k, const sc_axis_t *axis, const int8_t *a, const int8_t *b,
                    int8_t *out) {
    for (int32_t i = 0; i < axis->count; i++, a += axis->a_step, b += axis->b_step) {
        int32_t product = (*a - k->a_zero) * (*b - k->b_zero);
        out[i] = sc_quantize_output(product, k->out_multiplier, k->out_shift, k->out_zero, k->low, k->high);
    }
}

static void broadcast(const binary_t *k, row_t *row) {
    sc_axis_t axis[4];
    sc_record_axes(k + 1, k->head.axes, axis);
    int8_t *out = k->head.out;
    for (int32_t i = 0; i < axis[0].count; i++) {
        for (int32_t j = 0; j < axis[1].count; j++) {
            for (int32_t l = 0; l < axis[2].count; l++, out += axis[3].count) {
                row(k, &axis[3], k->head.a + i * axis[0].a_step + j * axis[1].a_step + l * axis[2].a_step,
                    k->head.b + i * axis[0].b_step + j * axis[1].b_step + l * axis[2].b_step, out);
            }
        }
    }
}

void sc_op_add_run(const void *record) {
    broadcast(record, add_row);
}

void sc_op_mul_run(const void *record) {
    broadcast(record, mul_row);
}
