// Rules of the operators that look at windows or reduce: convolutions, dense layers, pooling, mean.
#include "nn/checks.h"

// A sum of that many products of int8 and a difference of two int8 fits 32 bits.
#define MAX_TERMS (65535)
// A sum of that many differences of two int8 fits 32 bits.
#define MAX_AVERAGED (1 << 23)

enum { PADDING_SAME, PADDING_VALID };

typedef struct {
    int32_t size, stride, dilation;
} kernel_axis_t;

// Output size and padding in front, as TensorFlow defines SAME and VALID. 0 when the window does not fit.
static int window_axis(int32_t in, kernel_axis_t k, int32_t padding, uint16_t *out, uint16_t *pad) {
    int64_t reach = (int64_t)(k.size - 1) * k.dilation + 1;
    int64_t count = padding == PADDING_SAME ? ((int64_t)in + k.stride - 1) / k.stride
                                            : ((int64_t)in + k.stride - reach) / k.stride;
    int64_t total = (count - 1) * k.stride + reach - in;
    int64_t before = total > 0 ? total / 2 : 0;
    *out = (uint16_t)count;
    *pad = (uint16_t)before;
    return count >= 1 && count <= SC_TFLITE_MAX_DIM && before <= SC_TFLITE_MAX_DIM;
}

static int in_range(int32_t x) {
    return x >= 1 && x <= SC_TFLITE_MAX_DIM;
}

// Fills a window; the output tensor must have the size that follows.
static int set_window(sc_checks_t *c, kernel_axis_t h, kernel_axis_t w, int32_t padding,
                      sc_kernel_window_t *window) {
    if ((padding != PADDING_SAME && padding != PADDING_VALID) || !in_range(h.stride) || !in_range(w.stride)
        || !in_range(h.dilation) || !in_range(w.dilation) || !in_range(h.size) || !in_range(w.size)) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    *window = (sc_kernel_window_t){
        .in_h = (uint16_t)c->a.shape[1], .in_w = (uint16_t)c->a.shape[2],
        .k_h = (uint16_t)h.size, .k_w = (uint16_t)w.size,
        .stride_h = (uint16_t)h.stride, .stride_w = (uint16_t)w.stride,
        .dilation_h = (uint16_t)h.dilation, .dilation_w = (uint16_t)w.dilation,
    };
    if (!window_axis(c->a.shape[1], h, padding, &window->out_h, &window->pad_h)
        || !window_axis(c->a.shape[2], w, padding, &window->out_w, &window->pad_w)
        || c->out.shape[0] != c->a.shape[0] || c->out.shape[1] != window->out_h || c->out.shape[2] != window->out_w) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    return 1;
}

// Weights and bias: constant, symmetric, one scale or one for each output channel along axis.
static int check_filter(sc_checks_t *c, sc_tflite_tensor_t *w, int32_t axis, int32_t channels) {
    sc_model_op_t *op = c->op;
    sc_kernel_conv_t *k = &op->kernel.conv;
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
    op->factors = scales;
    k->per_channel = scales > 1;
    k->in_zero = (int8_t)c->a.zero_point;
    k->out_zero = (int8_t)c->out.zero_point;
    if (c->source.inputs.count < 3 || op->inputs[2] < 0) {
        return 1;
    }
    op->bias = op->inputs[2];
    sc_err_t error = sc_tflite_tensor(c->view, op->bias, &bias);
    if (error == SC_OK) {
        error = bias.type != SC_TFLITE_INT32 ? SC_E_TYPE : !bias.data ? SC_E_CONST
                : bias.elements != (uint32_t)channels ? SC_E_SHAPE : bias.bytes / 4 < bias.elements ? SC_E_SIZE
                : (uintptr_t)bias.data & 3 ? SC_E_ALIGN : SC_OK;
    }
    return error == SC_OK ? 1 : sc_checks_fail(c, error, op->bias);
}

static int load_filter(sc_checks_t *c, sc_tflite_tensor_t *w, int32_t dims) {
    int32_t index = c->op->inputs[1];
    sc_err_t error = sc_tflite_tensor(c->view, index, w);
    if (error == SC_OK) {
        error = w->type != SC_TFLITE_INT8 ? SC_E_TYPE : w->dims != dims ? SC_E_SHAPE : SC_OK;
    }
    return error == SC_OK ? 1 : sc_checks_fail(c, error, index);
}

static int four_dims(sc_checks_t *c) {
    return (c->a.dims == 4 && c->out.dims == 4) || sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[0]);
}

static kernel_axis_t axis_options(sc_checks_t *c, int32_t size, uint32_t stride, uint32_t dilation) {
    sc_tflite_t *v = c->view;
    return (kernel_axis_t){size, sc_tflite_field_int32(v, c->source.options, stride, 0),
                           dilation ? sc_tflite_field_int32(v, c->source.options, dilation, 1) : 1};
}

int sc_check_window_conv(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_kernel_conv_t *k = &op->kernel.conv;
    sc_tflite_tensor_t w;
    uint32_t options = c->source.options;
    if (!load_filter(c, &w, 4) || !four_dims(c)) {
        return 0;
    }
    kernel_axis_t vertical = axis_options(c, w.shape[1], 2, 5), horizontal = axis_options(c, w.shape[2], 1, 4);
    if (!set_window(c, vertical, horizontal, sc_tflite_field_int8(c->view, options, 0, 0), &k->window)) {
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
    k->head.kind = SC_KERNEL_CONV;
    k->batches = c->a.shape[0];
    k->in_c = (uint16_t)c->a.shape[3];
    k->out_c = (uint16_t)w.shape[0];
    k->groups = (uint16_t)groups;
    op->scratch = (uint32_t)terms * sizeof(int16_t);
    op->macs = terms * c->out.elements;
    return check_filter(c, &w, 0, w.shape[0])
           && sc_checks_range(c, sc_tflite_field_int8(c->view, options, 3, 0), &k->low, &k->high);
}

int sc_check_window_depthwise(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_kernel_conv_t *k = &op->kernel.conv;
    sc_tflite_tensor_t w;
    uint32_t options = c->source.options;
    if (!load_filter(c, &w, 4) || !four_dims(c)) {
        return 0;
    }
    kernel_axis_t vertical = axis_options(c, w.shape[1], 2, 6), horizontal = axis_options(c, w.shape[2], 1, 5);
    if (!set_window(c, vertical, horizontal, sc_tflite_field_int8(c->view, options, 0, 0), &k->window)) {
        return 0;
    }
    int32_t multiplier = sc_tflite_field_int32(c->view, options, 3, 0);
    if (w.shape[0] != 1 || c->out.shape[3] != w.shape[3] || w.shape[3] % c->a.shape[3]
        || w.shape[3] / c->a.shape[3] != multiplier) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    uint32_t terms = w.elements / (uint32_t)w.shape[3];
    if (terms > MAX_TERMS) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[1]);
    }
    k->head.kind = SC_KERNEL_DEPTHWISE;
    k->batches = c->a.shape[0];
    k->in_c = (uint16_t)c->a.shape[3];
    k->out_c = (uint16_t)w.shape[3];
    k->groups = (uint16_t)multiplier;
    op->scratch = (uint32_t)w.shape[3] * sizeof(int32_t);
    op->macs = (uint64_t)terms * c->out.elements;
    return check_filter(c, &w, 3, w.shape[3])
           && sc_checks_range(c, sc_tflite_field_int8(c->view, options, 4, 0), &k->low, &k->high);
}

// A dense layer is a 1x1 convolution of a 1x1 image.
int sc_check_window_fully_connected(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_kernel_conv_t *k = &op->kernel.conv;
    sc_tflite_tensor_t w;
    uint32_t options = c->source.options;
    if (!load_filter(c, &w, 2)) {
        return 0;
    }
    int32_t units = w.shape[0], depth = w.shape[1];
    if (c->out.dims < 1 || c->out.shape[c->out.dims - 1] != units || c->a.elements % (uint32_t)depth
        || c->a.elements / (uint32_t)depth != c->out.elements / (uint32_t)units) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    if (sc_tflite_field_int8(c->view, options, 1, 0) != 0) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, op->inputs[1]); // shuffled weights
    }
    k->head.kind = SC_KERNEL_CONV;
    k->batches = (int32_t)(c->a.elements / (uint32_t)depth);
    k->window = (sc_kernel_window_t){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
    k->in_c = (uint16_t)depth;
    k->out_c = (uint16_t)units;
    k->groups = 1;
    op->scratch = (uint32_t)depth * sizeof(int16_t);
    op->macs = (uint64_t)c->out.elements * (uint32_t)depth;
    return check_filter(c, &w, 0, units)
           && sc_checks_range(c, sc_tflite_field_int8(c->view, options, 0, 0), &k->low, &k->high);
}

int sc_check_window_pool(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_kernel_pool_t *k = &op->kernel.pool;
    uint32_t options = c->source.options;
    int average = op->builtin == SC_OP_AVERAGE_POOL_2D;
    if (!four_dims(c)) {
        return 0;
    }
    kernel_axis_t vertical = axis_options(c, sc_tflite_field_int32(c->view, options, 4, 0), 2, 0);
    kernel_axis_t horizontal = axis_options(c, sc_tflite_field_int32(c->view, options, 3, 0), 1, 0);
    if (!set_window(c, vertical, horizontal, sc_tflite_field_int8(c->view, options, 0, 0), &k->window)
        || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    if (c->out.shape[3] != c->a.shape[3]) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    k->head.kind = average ? SC_KERNEL_AVERAGE_POOL : SC_KERNEL_MAX_POOL;
    k->batches = c->a.shape[0];
    k->channels = (uint16_t)c->a.shape[3];
    op->scratch = average ? k->channels * sizeof(int32_t) : 0;
    // No window holds more than the image.
    uint64_t h = vertical.size < c->a.shape[1] ? (uint32_t)vertical.size : (uint32_t)c->a.shape[1];
    uint64_t w = horizontal.size < c->a.shape[2] ? (uint32_t)horizontal.size : (uint32_t)c->a.shape[2];
    if (h * w > MAX_AVERAGED) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[0]);
    }
    op->macs = h * w * c->out.elements;
    return sc_checks_range(c, sc_tflite_field_int8(c->view, options, 5, 0), &k->low, &k->high);
}

// Splits the input's dimensions into kept and reduced ones; neighbours of a kind are one loop, so two of each suffice.
static uint32_t mean_axes(const sc_tflite_tensor_t *a, uint32_t reduced, sc_kernel_mean_t *k) {
    int32_t step = 1, last = -1;
    int32_t left[2] = {2, 2};
    uint32_t averaged = 1;
    k->kept[0] = k->kept[1] = k->reduced[0] = k->reduced[1] = (sc_kernel_axis_t){1, 0, 0};
    for (int32_t d = a->dims - 1; d >= 0; d--) {
        int32_t kind = reduced >> d & 1, count = a->shape[d];
        if (count > 1) {
            sc_kernel_axis_t *axes = kind ? k->reduced : k->kept;
            if (kind != last) {
                axes[--left[kind]] = (sc_kernel_axis_t){1, step, 0};
                last = kind;
            }
            axes[left[kind]].count *= count;
            averaged *= kind ? (uint32_t)count : 1;
        }
        step *= count;
    }
    return averaged;
}

int sc_check_window_mean(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_kernel_mean_t *k = &op->kernel.mean;
    sc_tflite_vector_t axes;
    uint32_t reduced = 0;
    if (!sc_checks_ints(c, op->inputs[1], &axes)) {
        return 0;
    }
    for (uint32_t i = 0; i < axes.count; i++) {
        int32_t axis = sc_tflite_index(c->view, axes, i);
        axis += axis < 0 ? c->a.dims : 0;
        if (axis < 0 || axis >= c->a.dims) {
            return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
        }
        reduced |= 1u << axis;
    }
    uint32_t averaged = mean_axes(&c->a, reduced, k);
    if (c->out.elements != c->a.elements / averaged) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    if (averaged > MAX_AVERAGED) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[0]);
    }
    k->head.kind = SC_KERNEL_MEAN;
    k->offset = c->a.zero_point * (int32_t)averaged;
    k->out_zero = (int8_t)c->out.zero_point;
    op->macs = c->a.elements;
    if (!sc_checks_multiplier(c, (double)c->a.scale / (double)c->out.scale, &k->multiplier, &k->shift)) {
        return 0;
    }
    // The division is folded into the multiplier; as many bits as its log2 go into the shift, to keep the precision.
    int32_t bits = 0;
    while (bits < 31 + k->shift && averaged >> bits > 1) {
        bits++;
    }
    k->multiplier = (int32_t)(((int64_t)k->multiplier << bits) / averaged);
    k->shift = (int8_t)(k->shift - bits);
    return 1;
}
