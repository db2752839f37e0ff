// The loops of the convolutions on cores that multiply low registers only. A weight is loaded once for four positions,
// whose patches lie side by side in words; where there are no four, a value once for four filters. Depthwise ones take
// four channels at once.
#include "nn/conv_words.h"

#include <stddef.h>

#include "nn/conv.h"

#if SC_CONV_WORDS

SC_HOT int32_t sc_conv_exact(int32_t sum, const sc_conv_scale_t *scale, int32_t channel) {
    int32_t scaled = sc_quantize_scale(sum, scale->multiplier[channel], scale->shift[channel]);
    int32_t value = (int32_t)((uint32_t)scaled + (uint32_t)((scale->constant >> 21) + scale->low));
    return value < scale->low ? 0 : value > scale->low + scale->range ? scale->range : value - scale->low;
}

#if !defined(__ARM_ARCH_6M__)
void *sc_conv_pairs(int32_t *to, const int8_t *a, const int8_t *b, const sc_conv_runs_t *runs) {
    for (int32_t i = runs->runs; i > 0; i--, a += runs->gap, b += runs->gap) {
        for (int32_t *end = to + runs->bytes / 4; to != end; to += 2, a += runs->a_step, b += runs->b_step) {
            *to = *a + *b * (1 << 16) + ((1 << 16) + 1);
        }
    }
    return to;
}

static int8_t output(int32_t sum, int32_t bias, const sc_conv_scale_t *scale, int32_t channel) {
    sum = (int32_t)((uint32_t)sum + (uint32_t)bias);
    return (int8_t)(sc_conv_exact(sum, scale, channel) + scale->low);
}

void sc_conv_four(sc_conv_four_t *four) {
    for (int32_t filter = 0; filter < four->filters; filter++, four->w += four->length) {
        for (int32_t p = 0; p < 4; p++) {
            int32_t sum = 0;
            for (int32_t i = 0; i < four->length; i++) {
                int32_t pair = four->x[2 * i + p / 2], first = (int16_t)pair;
                sum += ((p & 1 ? (pair - first) >> 16 : first) - four->zero) * four->w[i];
            }
            four->scale.out[p * four->stride + filter] = output(sum, four->bias[filter], &four->scale, filter);
        }
    }
}

void sc_conv_quads(sc_conv_quads_t *quads) {
    for (int32_t c = 0; c < quads->channels; c++) {
        int32_t sum = 0;
        for (const sc_conv_tap_t *tap = quads->taps; tap && tap != quads->end; tap++) {
            sum += (quads->image[tap->pixel + c] - quads->zero) * quads->w[tap->weights + c];
        }
        for (int32_t i = 0; !quads->taps && i < quads->length; i++) {
            sum += quads->x[i] * quads->w[c * quads->length + i];
        }
        quads->scale.out[c] = output(sum, quads->bias ? quads->bias[c] : 0, &quads->scale, c);
    }
}
#endif

// A place of the window in the image.
typedef struct {
    int32_t y, x;
    const int8_t *from; // the value there
    int inside;         // all of the window is, and its rows are runs
} place_t;

// Whether a pixel is inside the image.
static inline int is_inside(const sc_window_t *w, int32_t y, int32_t x) {
    return (uint32_t)y < w->in_h && (uint32_t)x < w->in_w;
}

// Writes a patch of one position, as int16 minus the zero point, or every other word of those of two. Returns what
// follows.
static SC_HOT void *spread(void *to, const int8_t *a, const int8_t *b, const sc_conv_runs_t *runs, int32_t zero) {
    if (b) {
        return sc_conv_pairs(to, a, b, runs);
    }
    int16_t *x = to;
    for (int32_t i = runs->runs; i > 0; i--, a += runs->gap) {
        for (int16_t *end = x + runs->bytes / 8; x != end; x++, a += runs->a_step) {
            *x = (int16_t)(*a - zero);
        }
    }
    return x;
}

// The same pixel by pixel, for windows that reach over the image's edge. pair: 1, or 0 for one position.
static SC_HOT void spread_edge(const sc_conv_t *k, const place_t *at, int32_t pair, int32_t depth, void *to) {
    const sc_window_t *w = &k->window;
    for (int32_t i = 0, y = 0; i < w->k_h; i++, y += w->dilation_h) {
        for (int32_t j = 0, x = 0; j < w->k_w; j++, x += w->dilation_w) {
            const int32_t offset = (y * w->in_w + x) * k->in_c;
            const int a_in = is_inside(w, at[0].y + y, at[0].x + x), b_in = is_inside(w, at[pair].y + y, at[pair].x + x);
            const sc_conv_runs_t runs = {8 * depth, a_in, b_in, 0, 1};
            const int8_t *b = b_in ? at[pair].from + offset : &k->in_zero;
            to = spread(to, a_in ? at[0].from + offset : &k->in_zero, pair ? b : NULL, &runs, k->in_zero);
        }
    }
}

// The scale of the channels from..: their outputs begin at out.
static SC_HOT __attribute__((noinline)) void set_scale(sc_conv_scale_t *scale, const sc_conv_t *k, int32_t from,
    int8_t *out) {
    scale->multiplier = k->multiplier + from;
    scale->shift = k->shift + from;
    scale->out = out;
    scale->constant = SC_QUANTIZE_HALF + SC_QUANTIZE_ABOVE + (k->out_zero - k->low) * (1 << 21);
    scale->range = k->high - k->low;
    scale->low = k->low;
}

// Filters from..to at one position.
static SC_HOT void one(const sc_conv_t *k, int32_t length, int32_t from, int32_t to, int8_t *out) {
    int32_t count = (to - from) & ~3;
    int32_t multiplier[4];
    int8_t shift[4];
    for (int32_t step = k->per_channel ? count : 4; count > 0; count -= step, from += step) {
        sc_conv_quads_t q = {
            .x = k->scratch, .length = length, .bias = k->bias ? k->bias + from : NULL,
            .channels = step, .w = k->head.b + from * length,
        };
        set_scale(&q.scale, k, from, out + from);
        if (!k->per_channel) {
            for (int32_t i = 0; i < 4; i++) {
                multiplier[i] = k->multiplier[0];
                shift[i] = k->shift[0];
            }
            q.scale.multiplier = multiplier;
            q.scale.shift = shift;
        }
        sc_conv_quads(&q);
    }
    const int16_t *x = k->scratch;
    const int8_t *w = k->head.b + from * length;
    for (; from < to; from++, w += length) {
        int32_t sum = 0;
        for (int32_t i = 0; i < length; i++) {
            sum += x[i] * w[i];
        }
        out[from] = sc_conv_output(k, sum, from);
    }
}

// Filters from..from + count at four positions from `out` on. again: not for the first time in this run.
static SC_HOT void four(const sc_conv_t *k, int32_t length, int32_t from, int32_t count, int8_t *out, int again) {
    sc_conv_four_t f = {
        .x = k->scratch, .w = k->head.b + from * length, .length = length, .bias = k->bias + from,
        .stride = k->out_c, .filters = count, .zero = k->in_zero + 1,
        .start = -((length + 1) / 2) * (1 << 15), .sums = (int32_t *)k->scratch + 2 * length + from,
        .known = again && (((uintptr_t)k->head.b | (uint32_t)length) & 3) == 0,
    };
    set_scale(&f.scale, k, from, out + from);
    sc_conv_four(&f);
}

SC_HOT void sc_op_conv_run(const void *record) {
    const sc_conv_t *k = record;
    const sc_window_t *w = &k->window;
    const int32_t groups = k->groups, depth = k->in_c / groups, filters = k->out_c / groups, taps = w->k_h * w->k_w;
    const int32_t length = taps * depth, pixels = w->out_h * w->out_w, row = w->in_w * k->in_c;
    const int32_t together = k->bias && k->per_channel ? sc_conv_positions(w, length) : 1;
    const sc_conv_runs_t runs = {8 * depth * w->k_w, 1, 1, w->dilation_h * row - depth * w->k_w, w->k_h};
    // Places from 0, 0 to before this have all of the window inside.
    const int32_t rows = w->in_h - (w->k_h - 1) * w->dilation_h;
    const int32_t columns = groups == 1 && w->dilation_w == 1 ? w->in_w - (w->k_w - 1) : 0;
    const int32_t right = w->out_w * w->stride_w - w->pad_w;
    const int8_t *image = k->head.a;
    int8_t *out = k->head.out;
    int again = 0;
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * row) {
        int32_t y = -w->pad_h, x = -w->pad_w;
        for (int32_t pixel = 0, step; pixel < pixels; pixel += step, out += step * k->out_c) {
            place_t at[4];
            step = pixel + together <= pixels ? together : 1;
            for (int32_t i = 0; i < step; i++) {
                at[i] = (place_t){y, x, image + y * row + x * k->in_c, y >= 0 && y < rows && x >= 0 && x < columns};
                x += w->stride_w;
                if (x == right) {
                    x = -w->pad_w;
                    y += w->stride_h;
                }
            }
            for (int32_t g = 0; g < groups; g++) {
                const int32_t pair = step / 4;
                for (int32_t i = 0; i < step; i += 2) {
                    int32_t *to = (int32_t *)k->scratch + i / 2;
                    if (at[i].inside && at[i + pair].inside) {
                        spread(to, at[i].from, pair ? at[i + 1].from : NULL, &runs, k->in_zero);
                    } else {
                        spread_edge(k, at + i, pair, depth, to);
                    }
                    at[i].from += depth;
                    at[i + pair].from += pair ? depth : 0;
                }
                if (pair) {
                    four(k, length, g * filters, filters, out, again);
                } else {
                    one(k, length, g * filters, (g + 1) * filters, out);
                }
            }
            again = again || step == 4;
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
            if (is_inside(w, y, column)) {
                *tap++ = (sc_conv_tap_t){(y * w->in_w + column) * k->in_c - base, weights};
            }
        }
    }
    return tap;
}

SC_HOT int sc_conv_depthwise_quads(const sc_conv_t *k) {
    const sc_window_t *w = &k->window;
    const int8_t *image = k->head.a;
    int8_t *out = k->head.out;
    const sc_conv_tap_t *end = NULL; // of the list of a window inside the image, which serves all of them
    const int32_t rows = w->in_h - (w->k_h - 1) * w->dilation_h, columns = w->in_w - (w->k_w - 1) * w->dilation_w;
    if (k->groups != 1 || k->out_c & 3 || w->k_h * w->k_w > SC_CONV_MAX_TAPS || !k->per_channel
        || ((uintptr_t)image | (uintptr_t)k->head.b) & 3) {
        return 0;
    }
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->in_c) {
        for (int32_t row = 0; row < w->out_h; row++) {
            for (int32_t column = 0; column < w->out_w; column++, out += k->out_c) {
                int32_t y = row * w->stride_h - w->pad_h, x = column * w->stride_w - w->pad_w;
                int inside = y >= 0 && y < rows && x >= 0 && x < columns;
                int32_t base = inside ? (y * w->in_w + x) * k->in_c : 0;
                if (!inside || !end) {
                    end = list_taps(k, y, x, base);
                }
                sc_conv_quads_t q = {
                    .taps = k->scratch, .end = end, .zero = k->in_zero, .bias = k->bias, .channels = k->out_c,
                    .image = image + base, .w = k->head.b,
                };
                set_scale(&q.scale, k, 0, out);
                sc_conv_quads(&q);
                end = inside ? end : NULL;
            }
        }
    }
    return 1;
}

#endif
