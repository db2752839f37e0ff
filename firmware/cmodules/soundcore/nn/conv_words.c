// The loops of the convolutions on cores that multiply low registers only. A weight is loaded once for four positions,
// whose patches lie side by side in words; where there are no four, a value once for four filters. Depthwise ones take
// four channels at once.
#include "nn/conv_words.h"

#include <stddef.h>

#include "nn/conv.h"

#if SC_CONV_WORDS

SC_HOT int32_t sc_conv_exact(int32_t sum, const sc_conv_scale_t *scale, int32_t channel4) {
    int32_t scaled = sc_quantize_scale(sum, scale->multiplier[channel4 / 4], scale->shift[channel4 / 4]);
    int32_t value = (int32_t)((uint32_t)scaled + (uint32_t)((scale->constant >> 21) + scale->low));
    return value < scale->low ? 0 : value > scale->low + scale->range ? scale->range : value - scale->low;
}

#if !defined(__ARM_ARCH_6M__)
static int8_t output(int32_t sum, int32_t bias, const sc_conv_scale_t *scale, int32_t channel) {
    sum = (int32_t)((uint32_t)sum + (uint32_t)bias);
    return (int8_t)(sc_conv_exact(sum, scale, 4 * channel) + scale->low);
}

void sc_conv_four(sc_conv_four_t *four) {
    for (int32_t filter = 0; 4 * filter < four->end; filter++, four->w += four->length) {
        for (int32_t p = 0; p < 4; p++) {
            int32_t sum = 0;
            for (int32_t i = 0; i < four->length; i++) {
                sum += four->x[4 * i + p] * four->w[i];
            }
            four->scale.out[p * four->stride + filter] = output(sum, four->bias[filter], &four->scale, filter);
        }
    }
}

void sc_conv_quads(sc_conv_quads_t *quads) {
    for (int32_t c = 0; c < quads->left; c++) {
        int32_t sum = 0;
        for (const sc_conv_tap_t *tap = quads->taps; tap != quads->end; tap++) {
            sum += (quads->image[tap->pixel + c] - quads->zero) * quads->w[tap->weights + c];
        }
        quads->scale.out[c] = output(sum, quads->bias[c], &quads->scale, c);
    }
}

void sc_conv_rows(const int16_t *x, const int8_t *w, int32_t length, int32_t *sums) {
    for (int32_t row = 0; row < 4; row++) {
        sums[row] = 0;
        for (int32_t i = 0; i < length; i++) {
            sums[row] += x[i] * w[row * length + i];
        }
    }
}
#endif

// Writes count values minus the zero point, 0 where from is NULL: as int16, or with step 4 to every fourth word. Returns
// what follows.
static SC_HOT void *spread(void *to, int32_t step, const int8_t *from, int32_t count, int32_t zero) {
    if (step == 1) {
        int16_t *x = to;
        for (int16_t *end = x + count; x != end; x++) {
            *x = (int16_t)(from ? *from++ - zero : 0);
        }
        return x;
    }
    int32_t *x = to;
    for (int32_t *end = x + 4 * count; x != end; x += 4) {
        *x = from ? *from++ - zero : 0;
    }
    return x;
}

// The patch of a window at y, x, spread. Pixels that are neighbours in the image are copied together.
static SC_HOT __attribute__((noinline)) void gather(const sc_conv_t *k, const int8_t *image, int32_t y, int32_t x,
    void *to, int32_t step) {
    const sc_window_t *w = &k->window;
    int32_t depth = k->groups == 1 ? k->in_c : k->in_c / k->groups;
    int32_t together = k->groups == 1 && w->dilation_w == 1 && x >= 0 && x + w->k_w <= w->in_w ? w->k_w : 1;
    for (int32_t i = 0; i < w->k_h; i++, y += w->dilation_h) {
        int32_t column = x;
        for (int32_t j = 0; j < w->k_w; j += together, column += w->dilation_w) {
            int inside = y >= 0 && y < w->in_h && column >= 0 && column < w->in_w;
            const int8_t *from = inside ? image + (y * w->in_w + column) * k->in_c : NULL;
            to = spread(to, step, from, together * depth, k->in_zero);
        }
    }
}

// Filters from..to at one position.
static SC_HOT void one(const sc_conv_t *k, int32_t length, int32_t from, int32_t to, int8_t *out) {
    const int16_t *x = k->scratch;
    const int8_t *w = k->head.b + from * length;
    for (; from + 4 <= to; from += 4, w += 4 * length) {
        int32_t sums[4];
        sc_conv_rows(x, w, length, sums);
        for (int32_t i = 0; i < 4; i++) {
            out[from + i] = sc_conv_output(k, sums[i], from + i);
        }
    }
    for (; from < to; from++, w += length) {
        int32_t sum = 0;
        for (int32_t i = 0; i < length; i++) {
            sum += x[i] * w[i];
        }
        out[from] = sc_conv_output(k, sum, from);
    }
}

// The scale of the channels from..: their outputs begin at out.
static inline sc_conv_scale_t scale_of(const sc_conv_t *k, int32_t from, int8_t *out) {
    return (sc_conv_scale_t){
        .multiplier = k->multiplier + from, .shift = k->shift + from, .out = out,
        .constant = SC_QUANTIZE_HALF + SC_QUANTIZE_ABOVE + (k->out_zero - k->low) * (1 << 21),
        .range = k->high - k->low, .low = k->low,
    };
}

// Filters from..from + count at four positions from `out` on.
static SC_HOT void four(const sc_conv_t *k, int32_t length, int32_t from, int32_t count, int8_t *out) {
    sc_conv_four_t f = {
        .x = k->scratch, .w = k->head.b + from * length, .length = length, .bias = k->bias + from,
        .scale = scale_of(k, from, out + from), .stride = k->out_c, .end = 4 * count,
    };
    sc_conv_four(&f);
}

SC_HOT void sc_op_conv_run(const void *record) {
    const sc_conv_t *k = record;
    const sc_window_t *w = &k->window;
    int32_t depth = k->in_c / k->groups, filters = k->out_c / k->groups;
    int32_t length = w->k_h * w->k_w * depth, pixels = w->out_h * w->out_w;
    int32_t together = k->bias && k->per_channel ? sc_conv_positions(w, length) : 1;
    const int8_t *image = k->head.a;
    int8_t *out = k->head.out;
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->in_c) {
        int32_t y = -w->pad_h, x = -w->pad_w; // of the window
        const int32_t right = x + w->out_w * w->stride_w;
        for (int32_t pixel = 0, step; pixel < pixels; pixel += step, out += step * k->out_c) {
            int32_t next_y = y, next_x = x;
            step = pixel + together <= pixels ? together : 1;
            for (int32_t g = 0; g < k->groups; g++) {
                next_y = y;
                next_x = x;
                for (int32_t i = 0; i < step; i++) {
                    gather(k, image + g * depth, next_y, next_x, (int32_t *)k->scratch + i, step);
                    next_x += w->stride_w;
                    if (next_x == right) {
                        next_x = -w->pad_w;
                        next_y += w->stride_h;
                    }
                }
                if (step == 4) {
                    four(k, length, g * filters, filters, out);
                } else {
                    one(k, length, g * filters, (g + 1) * filters, out);
                }
            }
            y = next_y;
            x = next_x;
        }
    }
}

// The pixels under the window at y, x, those of the padding left out, as offsets from `base`. Returns their end.
static SC_HOT sc_conv_tap_t *list_taps(const sc_conv_t *k, int32_t y, int32_t x, int32_t base) {
    const sc_window_t *w = &k->window;
    sc_conv_tap_t *tap = k->scratch;
    int32_t weights = 0;
    for (int32_t i = 0; i < w->k_h; i++, y += w->dilation_h) {
        int32_t column = x;
        for (int32_t j = 0; j < w->k_w; j++, column += w->dilation_w, weights += k->out_c) {
            if (y >= 0 && y < w->in_h && column >= 0 && column < w->in_w) {
                *tap++ = (sc_conv_tap_t){(y * w->in_w + column) * k->in_c - base, weights};
            }
        }
    }
    return tap;
}

static int is_inside(int32_t at, int32_t k, int32_t dilation, int32_t in) {
    return at >= 0 && at + (k - 1) * dilation < in;
}

SC_HOT int sc_conv_depthwise_quads(const sc_conv_t *k) {
    const sc_window_t *w = &k->window;
    const int8_t *image = k->head.a;
    int8_t *out = k->head.out;
    const sc_conv_tap_t *end = NULL; // of the list of a window inside the image, which serves all of them
    if (k->groups != 1 || k->out_c & 3 || w->k_h * w->k_w > SC_CONV_MAX_TAPS || !k->bias || !k->per_channel
        || ((uintptr_t)image | (uintptr_t)k->head.b) & 3) {
        return 0;
    }
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->in_c) {
        for (int32_t row = 0; row < w->out_h; row++) {
            for (int32_t column = 0; column < w->out_w; column++, out += k->out_c) {
                int32_t y = row * w->stride_h - w->pad_h, x = column * w->stride_w - w->pad_w;
                int inside = is_inside(y, w->k_h, w->dilation_h, w->in_h)
                             && is_inside(x, w->k_w, w->dilation_w, w->in_w);
                int32_t base = inside ? (y * w->in_w + x) * k->in_c : 0;
                if (!inside || !end) {
                    end = list_taps(k, y, x, base);
                }
                sc_conv_quads_t q = {
                    .taps = k->scratch, .end = end, .zero = k->in_zero, .bias = k->bias, .scale = scale_of(k, 0, out),
                    .left = k->out_c, .image = image + base, .w = k->head.b,
                };
                if (end != q.taps) {
                    sc_conv_quads(&q);
                } else {
                    for (int32_t c = 0; c < k->out_c; c++) {
                        out[c] = sc_conv_output(k, 0, c);
                    }
                }
                end = inside ? end : NULL;
            }
        }
    }
    return 1;
}

#endif
