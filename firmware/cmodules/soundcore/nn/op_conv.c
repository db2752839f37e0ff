// CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED, which is a 1x1 convolution of a 1x1 image. Each output pixel's patch
// is gathered once as int16 minus the zero point (so padding is 0). Every filter is then one dot product over
// contiguous memory, whatever the stride, dilation and padding.
#include <string.h>

#include "hot.h"
#include "nn/ops.h"
#include "nn/quantize.h"
#include "nn/window.h"

// The sum of this many products of int8 and a difference of two int8 fits 32 bits.
#define MAX_TERMS (65535)

typedef struct {
    sc_record_t head;          // a (batches, in_h, in_w, in_c), out (batches, out_h, out_w, out_c)
                               // b: (out_c, k_h, k_w, in_c / groups); depthwise (1, k_h, k_w, out_c)
    const int32_t *bias;       // (out_c) or NULL
    const int32_t *multiplier; // (out_c), or (1) when not per_channel
    const int8_t *shift;       // likewise
    void *scratch;             // int16 (k_h, k_w, in_c / groups); depthwise: int32 (out_c)
    int32_t batches;
    sc_window_t window;
    uint16_t in_c, out_c;
    uint16_t groups;           // depthwise: channels out per channel in
    uint8_t per_channel;
    int8_t in_zero, out_zero, low, high;
} conv_t;

// Weights and bias: constant, symmetric, one scale or one for each output channel along axis.
static int check_filter(sc_checks_t *c, conv_t *k, const sc_tflite_tensor_t *w, int32_t axis, int32_t channels) {
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
    for (uint32_t i = 0; i < scales; i++) {
        if (sc_tflite_int64(c->view, w->zero_points, i) != 0) {
            return sc_checks_fail(c, SC_E_QUANT, op->inputs[1]);
        }
    }
    op->multipliers = scales;
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

static int load_filter(sc_checks_t *c, sc_tflite_tensor_t *w, int32_t dims) {
    int32_t index = c->op->inputs[1];
    sc_err_t error = sc_tflite_tensor(c->view, index, w);
    if (error == SC_OK) {
        error = w->type != TensorType_INT8 ? SC_E_TYPE : w->dims != dims ? SC_E_SHAPE : SC_OK;
    }
    return error == SC_OK ? 1 : sc_checks_fail(c, error, index);
}

int sc_op_conv_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    conv_t *k = SC_CHECKS_RECORD(c, conv_t);
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
    op->scratch = (uint32_t)terms * sizeof(int16_t);
    op->macs = terms * c->out.elements;
    int32_t activation = sc_checks_option_int8(c, SC_CONV2D_OPTIONS_FUSED_ACTIVATION_FUNCTION);
    return check_filter(c, k, &w, 0, w.shape[0]) && sc_checks_range(c, activation, &k->low, &k->high);
}

int sc_op_depthwise_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    conv_t *k = SC_CHECKS_RECORD(c, conv_t);
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
    op->scratch = (uint32_t)w.shape[3] * sizeof(int32_t);
    op->macs = (uint64_t)terms * c->out.elements;
    int32_t activation = sc_checks_option_int8(c, SC_DEPTHWISE_CONV2D_OPTIONS_FUSED_ACTIVATION_FUNCTION);
    return check_filter(c, k, &w, 3, w.shape[3]) && sc_checks_range(c, activation, &k->low, &k->high);
}

int sc_op_fully_connected_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    conv_t *k = SC_CHECKS_RECORD(c, conv_t);
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

// The multiplier of channel i; 0 and a fault if it cannot be held.
static int multiplier_of(const sc_prepare_t *p, const sc_op_t *op, uint32_t i, sc_quantized_multiplier_t *m) {
    sc_tflite_tensor_t a, w, out;
    sc_tflite_tensor(p->view, op->inputs[0], &a);
    sc_tflite_tensor(p->view, op->inputs[1], &w);
    sc_tflite_tensor(p->view, op->output, &out);
    float scale = sc_tflite_float(p->view, w.scales, i);
    if (!sc_quantize_is_scale(scale)) {
        return sc_error_set(p->fault, SC_E_QUANT, op->index, op->builtin, op->inputs[1]);
    }
    double product = (double)a.scale * (double)scale;
    if (op->builtin == BuiltinOperator_FULLY_CONNECTED && op->multipliers == 1) {
        product = (double)(a.scale * scale); // the reference multiplies in single precision here
    }
    sc_err_t error = sc_quantize_multiplier(product / (double)out.scale, m);
    return error == SC_OK || sc_error_set(p->fault, error, op->index, op->builtin, op->inputs[1]);
}

// The multipliers follow the record, which counts their bytes as its own.
int sc_op_conv_prepare(sc_prepare_t *p, sc_op_t *op) {
    conv_t *k = sc_prepare_record(p, op);
    size_t before = p->used;
    int32_t *multiplier = sc_prepare_take(p, op->multipliers * sizeof(int32_t), sizeof(int32_t));
    int8_t *shift = sc_prepare_take(p, op->multipliers, 1);
    sc_prepare_take(p, 0, sizeof(void *));
    for (uint32_t i = 0; i < op->multipliers; i++) {
        sc_quantized_multiplier_t m;
        if (!multiplier_of(p, op, i, &m)) {
            return 0;
        }
        if (k) {
            multiplier[i] = m.multiplier;
            shift[i] = (int8_t)m.shift;
        }
    }
    if (k) {
        k->head.bytes = (k->head.bytes + (p->used - before)) & 0x1fffff;
        k->multiplier = multiplier;
        k->shift = shift;
        k->bias = op->bias >= 0 ? (const int32_t *)(const void *)sc_prepare_readable(p, op->bias) : NULL;
        k->scratch = sc_prepare_writable(p, -1 - op->index);
    }
    return 1;
}

static SC_HOT void gather(const conv_t *k, const int8_t *image, int32_t y, int32_t x, int32_t depth) {
    const sc_window_t *w = &k->window;
    int16_t *patch = k->scratch;
    for (int32_t i = 0; i < w->k_h; i++, y += w->dilation_h) {
        int32_t column = x;
        for (int32_t j = 0; j < w->k_w; j++, column += w->dilation_w, patch += depth) {
            if (y < 0 || y >= w->in_h || column < 0 || column >= w->in_w) {
                memset(patch, 0, (size_t)depth * sizeof(*patch));
                continue;
            }
            const int8_t *pixel = image + (y * w->in_w + column) * k->in_c;
            for (int32_t c = 0; c < depth; c++) {
                patch[c] = (int16_t)(pixel[c] - k->in_zero);
            }
        }
    }
}

static SC_HOT int8_t finish(const conv_t *k, int32_t sum, int32_t channel) {
    int32_t q = k->per_channel ? channel : 0;
    if (k->bias) {
        sum = (int32_t)((uint32_t)sum + (uint32_t)k->bias[channel]);
    }
    return sc_quantize_output(sum, k->multiplier[q], k->shift[q], k->out_zero, k->low, k->high);
}

// Output channels from..to of one pixel; the four sums share the loads of the patch.
static SC_HOT void dot(const conv_t *k, int32_t length, int32_t from, int32_t to, int8_t *out) {
    const int16_t *patch = k->scratch;
    const int8_t *w = k->head.b + from * length;
    for (; from + 4 <= to; from += 4, w += 4 * length) {
        const int8_t *w1 = w + length, *w2 = w1 + length, *w3 = w2 + length;
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (int32_t i = 0; i < length; i++) {
            int32_t x = patch[i];
            s0 += x * w[i];
            s1 += x * w1[i];
            s2 += x * w2[i];
            s3 += x * w3[i];
        }
        out[from] = finish(k, s0, from);
        out[from + 1] = finish(k, s1, from + 1);
        out[from + 2] = finish(k, s2, from + 2);
        out[from + 3] = finish(k, s3, from + 3);
    }
    for (; from < to; from++, w += length) {
        int32_t sum = 0;
        for (int32_t i = 0; i < length; i++) {
            sum += patch[i] * w[i];
        }
        out[from] = finish(k, sum, from);
    }
}

SC_HOT void sc_op_conv_run(const void *record) {
    const conv_t *k = record;
    const sc_window_t *w = &k->window;
    int32_t depth = k->in_c / k->groups, filters = k->out_c / k->groups;
    int32_t length = w->k_h * w->k_w * depth;
    const int8_t *image = k->head.a;
    int8_t *out = k->head.out;
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->in_c) {
        for (int32_t y = 0; y < w->out_h; y++) {
            for (int32_t x = 0; x < w->out_w; x++, out += k->out_c) {
                for (int32_t g = 0; g < k->groups; g++) {
                    gather(k, image + g * depth, y * w->stride_h - w->pad_h, x * w->stride_w - w->pad_w, depth);
                    dot(k, length, g * filters, (g + 1) * filters, out);
                }
            }
        }
    }
}

// Adds one tap of the filter to the sums of all channels.
static SC_HOT void tap(const conv_t *k, const int8_t *pixel, const int8_t *w) {
    int32_t *sum = k->scratch;
    int32_t zero = k->in_zero;
    if (k->groups == 1) {
        for (int32_t c = 0; c < k->in_c; c++) {
            sum[c] += (pixel[c] - zero) * w[c];
        }
        return;
    }
    for (int32_t c = 0; c < k->in_c; c++, sum += k->groups, w += k->groups) {
        int32_t x = pixel[c] - zero;
        for (int32_t m = 0; m < k->groups; m++) {
            sum[m] += x * w[m];
        }
    }
}

static SC_HOT void depthwise_pixel(const conv_t *k, const int8_t *image, int32_t y, int32_t x) {
    const sc_window_t *w = &k->window;
    const int8_t *weights = k->head.b;
    memset(k->scratch, 0, (size_t)k->out_c * sizeof(int32_t));
    for (int32_t i = 0; i < w->k_h; i++, y += w->dilation_h) {
        int32_t column = x;
        for (int32_t j = 0; j < w->k_w; j++, column += w->dilation_w, weights += k->out_c) {
            if (y >= 0 && y < w->in_h && column >= 0 && column < w->in_w) {
                tap(k, image + (y * w->in_w + column) * k->in_c, weights);
            }
        }
    }
}

SC_HOT void sc_op_depthwise_run(const void *record) {
    const conv_t *k = record;
    const sc_window_t *w = &k->window;
    const int8_t *image = k->head.a;
    const int32_t *sum = k->scratch;
    int8_t *out = k->head.out;
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->in_c) {
        for (int32_t y = 0; y < w->out_h; y++) {
            for (int32_t x = 0; x < w->out_w; x++, out += k->out_c) {
                depthwise_pixel(k, image, y * w->stride_h - w->pad_h, x * w->stride_w - w->pad_w);
                for (int32_t c = 0; c < k->out_c; c++) {
                    out[c] = finish(k, sum[c], c);
                }
            }
        }
    }
}
