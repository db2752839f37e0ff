// CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED, which is a 1x1 convolution of a 1x1 image: their checks and records.
// op_conv_run.c and, for ARMv6-M, conv_words.c have the loops.
#include "nn/conv.h"
#include "nn/quantize.h"

// The sum of this many products of int8 and a difference of two int8 fits 32 bits.
#define MAX_TERMS (65535)

// Rows are computed in order: an output that begins `ahead` bytes before the input reaches none that is still needed.
static SC_COLD uint32_t behind(const sc_conv_t *k, int32_t size) {
    const sc_window_t *w = &k->window;
    int32_t ahead = k->batches > 1 || k->groups > 1 ? size : 0;
    for (int32_t row = 0; row < w->out_h; row++) {
        int32_t needed = row * w->stride_h - w->pad_h;
        int32_t written = (row + 1) * w->out_w * k->out_c - (needed > 0 ? needed * w->in_w * k->in_c : 0);
        ahead = written > ahead ? written : ahead;
    }
    return (uint32_t)(size - ahead) & ~(uint32_t)(SC_PLAN_ALIGN - 1);
}

// Weights and bias: constant, symmetric, one scale or one for each output channel along axis.
static SC_COLD int check_filter(sc_checks_t *c, sc_conv_t *k, const sc_tflite_tensor_t *w, int32_t axis, int32_t channels) {
    sc_op_t *op = c->op;
    sc_tflite_tensor_t bias;
    op->input_count = 2;
    if (!w->data) {
        return sc_checks_fail(c, SC_E_CONST, op->inputs[1]);
    }
    if (w->bytes < w->elements) {
        return sc_checks_fail(c, SC_E_SIZE, op->inputs[1]);
    }
    uint32_t scales = w->scales.count;
    if (scales != w->zero_points.count || !(scales == 1 || (scales == (uint32_t)channels && w->axis == axis))) {
        return sc_checks_fail(c, SC_E_QUANT, op->inputs[1]);
    }
    op->multipliers = scales;
    op->behind = behind(k, (int32_t)c->out.elements);
    k->per_channel = scales > 1;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    if (c->source.inputs.count < 3 || op->inputs[2] < 0) {
        return 1;
    }
    op->bias = op->inputs[2];
    sc_err_t error = sc_tflite_tensor(c->view, op->bias, &bias);
    if (error == SC_OK) {
        error = bias.type != TensorType_INT32 ? SC_E_TYPE : !bias.data ? SC_E_CONST
                : bias.elements != (uint32_t)channels ? SC_E_SHAPE : bias.bytes / 4 < bias.elements ? SC_E_SIZE
                : (uintptr_t)bias.data & 3 ? SC_E_ALIGN : SC_OK;
    }
    return error == SC_OK ? 1 : sc_checks_fail(c, error, op->bias);
}

static SC_COLD int load_filter(sc_checks_t *c, sc_tflite_tensor_t *w, int32_t dims) {
    int32_t index = c->op->inputs[1];
    sc_err_t error = sc_tflite_tensor(c->view, index, w);
    if (error == SC_OK) {
        error = w->type != TensorType_INT8 ? SC_E_TYPE : w->dims != dims ? SC_E_SHAPE : SC_OK;
    }
    return error == SC_OK ? 1 : sc_checks_fail(c, error, index);
}

int sc_op_conv_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_conv_t *k = SC_CHECKS_RECORD(c, sc_conv_t);
    sc_tflite_tensor_t w;
    if (!load_filter(c, &w, 4) || !sc_checks_four_dims(c)) {
        return 0;
    }
    sc_window_side_t high = {w.shape[1], sc_checks_option_int32(c, SC_CONV2D_OPTIONS_STRIDE_H, 0),
                             sc_checks_option_int32(c, SC_CONV2D_OPTIONS_DILATION_H_FACTOR, 1)};
    sc_window_side_t wide = {w.shape[2], sc_checks_option_int32(c, SC_CONV2D_OPTIONS_STRIDE_W, 0),
                             sc_checks_option_int32(c, SC_CONV2D_OPTIONS_DILATION_W_FACTOR, 1)};
    if (!sc_window_check(c, high, wide, sc_checks_option_int8(c, SC_CONV2D_OPTIONS_PADDING), &k->window)) {
        return 0;
    }
    int32_t groups = c->a.shape[3] / w.shape[3];
    if (c->a.shape[3] % w.shape[3] || w.shape[0] % groups || c->out.shape[3] != w.shape[0]) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    uint64_t terms = (uint64_t)w.elements / (uint32_t)w.shape[0];
    if (terms > MAX_TERMS) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[1]);
    }
    k->batches = c->a.shape[0];
    k->in_c = (uint16_t)c->a.shape[3];
    k->out_c = (uint16_t)w.shape[0];
    k->groups = (uint16_t)groups;
    int together = sc_conv_positions(&k->window, (int32_t)terms) == 4;
    op->scratch = together ? (2 * (uint32_t)terms + k->out_c) * sizeof(int32_t) : (uint32_t)terms * sizeof(int16_t);
    op->macs = terms * c->out.elements;
    int32_t activation = sc_checks_option_int8(c, SC_CONV2D_OPTIONS_FUSED_ACTIVATION_FUNCTION);
    return check_filter(c, k, &w, 0, w.shape[0]) && sc_checks_range(c, activation, &k->low, &k->high);
}

int sc_op_depthwise_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_conv_t *k = SC_CHECKS_RECORD(c, sc_conv_t);
    sc_tflite_tensor_t w;
    if (!load_filter(c, &w, 4) || !sc_checks_four_dims(c)) {
        return 0;
    }
    sc_window_side_t high = {w.shape[1], sc_checks_option_int32(c, SC_DEPTHWISE_CONV2D_OPTIONS_STRIDE_H, 0),
                             sc_checks_option_int32(c, SC_DEPTHWISE_CONV2D_OPTIONS_DILATION_H_FACTOR, 1)};
    sc_window_side_t wide = {w.shape[2], sc_checks_option_int32(c, SC_DEPTHWISE_CONV2D_OPTIONS_STRIDE_W, 0),
                             sc_checks_option_int32(c, SC_DEPTHWISE_CONV2D_OPTIONS_DILATION_W_FACTOR, 1)};
    if (!sc_window_check(c, high, wide, sc_checks_option_int8(c, SC_DEPTHWISE_CONV2D_OPTIONS_PADDING), &k->window)) {
        return 0;
    }
    int32_t multiplier = sc_checks_option_int32(c, SC_DEPTHWISE_CONV2D_OPTIONS_DEPTH_MULTIPLIER, 0);
    if (w.shape[0] != 1 || c->out.shape[3] != w.shape[3] || w.shape[3] % c->a.shape[3]
        || w.shape[3] / c->a.shape[3] != multiplier) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    uint32_t terms = w.elements / (uint32_t)w.shape[3];
    if (terms > MAX_TERMS) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[1]);
    }
    k->batches = c->a.shape[0];
    k->in_c = (uint16_t)c->a.shape[3];
    k->out_c = (uint16_t)w.shape[3];
    k->groups = (uint16_t)multiplier;
    uint32_t listed = terms <= SC_CONV_MAX_TAPS ? 2 * terms : 0;
    op->scratch = ((uint32_t)w.shape[3] > listed ? (uint32_t)w.shape[3] : listed) * sizeof(int32_t);
    op->macs = (uint64_t)terms * c->out.elements;
    int32_t activation = sc_checks_option_int8(c, SC_DEPTHWISE_CONV2D_OPTIONS_FUSED_ACTIVATION_FUNCTION);
    return check_filter(c, k, &w, 3, w.shape[3]) && sc_checks_range(c, activation, &k->low, &k->high);
}

int sc_op_fully_connected_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_conv_t *k = SC_CHECKS_RECORD(c, sc_conv_t);
    sc_tflite_tensor_t w;
    if (!load_filter(c, &w, 2)) {
        return 0;
    }
    int32_t units = w.shape[0], depth = w.shape[1];
    if (c->out.dims < 1 || c->out.shape[c->out.dims - 1] != units || c->a.elements % (uint32_t)depth
        || c->a.elements / (uint32_t)depth != c->out.elements / (uint32_t)units) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    if (sc_checks_option_int8(c, SC_FULLY_CONNECTED_OPTIONS_WEIGHTS_FORMAT)
        != FullyConnectedOptionsWeightsFormat_DEFAULT) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, op->inputs[1]);
    }
    k->batches = (int32_t)(c->a.elements / (uint32_t)depth);
    k->window = (sc_window_t){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
    k->in_c = (uint16_t)depth;
    k->out_c = (uint16_t)units;
    k->groups = 1;
    op->scratch = (uint32_t)depth * sizeof(int16_t);
    op->macs = (uint64_t)c->out.elements * (uint32_t)depth;
    int32_t activation = sc_checks_option_int8(c, SC_FULLY_CONNECTED_OPTIONS_FUSED_ACTIVATION_FUNCTION);
    return check_filter(c, k, &w, 0, units) && sc_checks_range(c, activation, &k->low, &k->high);
}

// The multipliers follow the record, which counts their bytes as its own.
int sc_op_conv_prepare(sc_prepare_t *p, sc_op_t *op) {
    sc_conv_t *k = sc_prepare_record(p, op);
    size_t before = p->used;
    int32_t *multiplier = sc_prepare_take(p, op->multipliers * sizeof(int32_t), sizeof(int32_t));
    int8_t *shift = sc_prepare_take(p, op->multipliers, 1);
    sc_prepare_take(p, 0, sizeof(void *));
    sc_tflite_tensor_t a, w, out;
    sc_tflite_tensor(p->view, op->inputs[0], &a);
    sc_tflite_tensor(p->view, op->inputs[1], &w);
    sc_tflite_tensor(p->view, op->output, &out);
    for (uint32_t i = 0; i < op->multipliers; i++) {
        sc_quantized_multiplier_t m;
        float scale = sc_tflite_float(p->view, w.scales, i), factor = a.scale;
        sc_err_t error = SC_E_QUANT;
        if (sc_quantize_is_scale(scale) && sc_tflite_int64(p->view, w.zero_points, i) == 0) {
            if (op->builtin == BuiltinOperator_FULLY_CONNECTED && op->multipliers == 1) {
                scale *= factor; // the reference multiplies in single precision here
                factor = 1;
            }
            error = sc_quantize_multiplier(factor, scale, out.scale, &m);
        }
        if (error != SC_OK) {
            return sc_error_set(p->fault, error, op->index, op->builtin, op->inputs[1]);
        }
        if (shift) {
            multiplier[i] = m.multiplier;
            shift[i] = (int8_t)m.shift;
        }
    }
    if (shift) {
        k->head.bytes = (k->head.bytes + (p->used - before)) & 0x1fffff;
        k->multiplier = multiplier;
        k->shift = shift;
        k->bias = op->bias >= 0 ? (const int32_t *)(const void *)sc_prepare_readable(p, op->bias) : NULL;
        k->scratch = sc_prepare_writable(p, -1 - op->index);
    }
    return 1;
}
