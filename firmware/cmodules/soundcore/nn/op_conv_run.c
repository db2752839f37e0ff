// The loops of the convolutions. Each output pixel's patch is gathered once as int16 minus the zero point (so padding is
// 0). Every filter is then one dot product over contiguous memory, whatever the stride, dilation and padding.
#include <string.h>

#include "hot.h"
#include "nn/conv.h"

SC_HOT int8_t sc_conv_output(const sc_conv_t *k, int32_t sum, int32_t channel) {
    int32_t q = k->per_channel ? channel : 0;
    if (k->bias) {
        sum = (int32_t)((uint32_t)sum + (uint32_t)k->bias[channel]);
    }
    return sc_quantize_output(sum, k->multiplier[q], k->shift[q], k->out_zero, k->low, k->high);
}

#if !SC_CONV_WORDS
static SC_HOT void gather(const sc_conv_t *k, const int8_t *image, int32_t y, int32_t x, int32_t depth) {
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

// Output channels from..to of one pixel; the four sums share the loads of the patch.
static SC_HOT void dot(const sc_conv_t *k, int32_t length, int32_t from, int32_t to, int8_t *out) {
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
        out[from] = sc_conv_output(k, s0, from);
        out[from + 1] = sc_conv_output(k, s1, from + 1);
        out[from + 2] = sc_conv_output(k, s2, from + 2);
        out[from + 3] = sc_conv_output(k, s3, from + 3);
    }
    for (; from < to; from++, w += length) {
        int32_t sum = 0;
        for (int32_t i = 0; i < length; i++) {
            sum += patch[i] * w[i];
        }
        out[from] = sc_conv_output(k, sum, from);
    }
}

SC_HOT void sc_op_conv_run(const void *record) {
    const sc_conv_t *k = record;
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
#endif

// Adds one tap of the filter to the sums of all channels.
static SC_HOT void tap(const sc_conv_t *k, const int8_t *pixel, const int8_t *w) {
    int32_t *sum = k->scratch;
    int32_t zero = k->in_zero;
#if !SC_CONV_WORDS // which has loops of its own for this, mostly
    if (k->groups == 1) {
        for (int32_t c = 0; c < k->in_c; c++) {
            sum[c] += (pixel[c] - zero) * w[c];
        }
        return;
    }
#endif
    for (int32_t c = 0; c < k->in_c; c++, sum += k->groups, w += k->groups) {
        int32_t x = pixel[c] - zero;
        for (int32_t m = 0; m < k->groups; m++) {
            sum[m] += x * w[m];
        }
    }
}

static SC_HOT void depthwise_pixel(const sc_conv_t *k, const int8_t *image, int32_t y, int32_t x) {
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
    const sc_conv_t *k = record;
    const sc_window_t *w = &k->window;
    const int8_t *image = k->head.a;
    const int32_t *sum = k->scratch;
    int8_t *out = k->head.out;
#if SC_CONV_WORDS
    if (sc_conv_depthwise_quads(k)) {
        return;
    }
#endif
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->in_c) {
        for (int32_t y = 0; y < w->out_h; y++) {
            for (int32_t x = 0; x < w->out_w; x++, out += k->out_c) {
                depthwise_pixel(k, image, y * w->stride_h - w->pad_h, x * w->stride_w - w->pad_w);
                for (int32_t c = 0; c < k->out_c; c++) {
                    out[c] = sc_conv_output(k, sum[c], c);
                }
            }
        }
    }
}
