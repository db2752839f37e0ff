#include "nn/window.h"

// Output size and padding in front, as TensorFlow defines SAME and VALID. 0 when the window does not fit.
static int side(int32_t in, sc_window_side_t k, int32_t padding, uint16_t *out, uint16_t *pad) {
    uint32_t reach = (uint32_t)(k.size - 1) * (uint32_t)k.dilation + 1;
    if (reach > 4 * SC_TFLITE_MAX_DIM) {
        return 0; // none of its paddings would be small enough
    }
    int32_t count = (in + k.stride - (padding == Padding_SAME ? 1 : (int32_t)reach)) / k.stride;
    int32_t total = (count - 1) * k.stride + (int32_t)reach - in;
    int32_t before = total > 0 ? total / 2 : 0;
    *out = (uint16_t)count;
    *pad = (uint16_t)before;
    return count >= 1 && before <= SC_TFLITE_MAX_DIM;
}

static int in_range(int32_t x) {
    return x >= 1 && x <= SC_TFLITE_MAX_DIM;
}

int sc_window_check(sc_checks_t *c, sc_window_side_t h, sc_window_side_t w, int32_t padding, sc_window_t *window) {
    if ((padding != Padding_SAME && padding != Padding_VALID) || !in_range(h.stride) || !in_range(w.stride)
        || !in_range(h.dilation) || !in_range(w.dilation) || !in_range(h.size) || !in_range(w.size)) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    *window = (sc_window_t){
        .in_h = (uint16_t)c->a.shape[1], .in_w = (uint16_t)c->a.shape[2],
        .k_h = (uint16_t)h.size, .k_w = (uint16_t)w.size,
        .stride_h = (uint16_t)h.stride, .stride_w = (uint16_t)w.stride,
        .dilation_h = (uint16_t)h.dilation, .dilation_w = (uint16_t)w.dilation,
    };
    if (!side(c->a.shape[1], h, padding, &window->out_h, &window->pad_h)
        || !side(c->a.shape[2], w, padding, &window->out_w, &window->pad_w)
        || c->out.shape[0] != c->a.shape[0] || c->out.shape[1] != window->out_h || c->out.shape[2] != window->out_w) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    return 1;
}
