// MAX_POOL_2D and AVERAGE_POOL_2D.
#include <string.h>

#include "nn/ops.h"
#include "nn/window.h"

// A sum of that many int8 fits 32 bits.
#define MAX_AVERAGED (1 << 23)

typedef struct {
    sc_record_t head; // a (batches, in_h, in_w, channels), out (batches, out_h, out_w, channels)
    int32_t *scratch; // (channels); average only
    int32_t batches;
    sc_window_t window;
    uint16_t channels;
    int8_t low, high;
} pool_t;

static int check(sc_checks_t *c, uint32_t scratch_of_channel) {
    sc_op_t *op = c->op;
    pool_t *k = SC_CHECKS_RECORD(c, pool_t);
    if (!sc_checks_four_dims(c)) {
        return 0;
    }
    sc_window_side_t high = {sc_checks_option_int32(c, SC_POOL2D_OPTIONS_FILTER_HEIGHT, 0),
                             sc_checks_option_int32(c, SC_POOL2D_OPTIONS_STRIDE_H, 0), 1};
    sc_window_side_t wide = {sc_checks_option_int32(c, SC_POOL2D_OPTIONS_FILTER_WIDTH, 0),
                             sc_checks_option_int32(c, SC_POOL2D_OPTIONS_STRIDE_W, 0), 1};
    if (!sc_window_check(c, high, wide, sc_checks_option_int8(c, SC_POOL2D_OPTIONS_PADDING), &k->window)
        || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    if (c->out.shape[3] != c->a.shape[3]) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    k->batches = c->a.shape[0];
    k->channels = (uint16_t)c->a.shape[3];
    op->scratch = k->channels * scratch_of_channel;
    // No window holds more than the image.
    uint64_t h = high.size < c->a.shape[1] ? (uint32_t)high.size : (uint32_t)c->a.shape[1];
    uint64_t w = wide.size < c->a.shape[2] ? (uint32_t)wide.size : (uint32_t)c->a.shape[2];
    if (h * w > MAX_AVERAGED) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[0]);
    }
    op->macs = h * w * c->out.elements;
    return sc_checks_range(c, sc_checks_option_int8(c, SC_POOL2D_OPTIONS_FUSED_ACTIVATION_FUNCTION), &k->low, &k->high);
}

int sc_op_average_pool_check(sc_checks_t *c) {
    return check(c, sizeof(int32_t));
}

int sc_op_max_pool_check(sc_checks_t *c) {
    return check(c, 0);
}

int sc_op_pool_prepare(sc_prepare_t *p, sc_op_t *op) {
    pool_t *k = sc_prepare_record(p, op);
    if (k && op->scratch) {
        k->scratch = (int32_t *)(void *)sc_prepare_writable(p, -1 - op->index);
    }
    return 1;
}

// The part of a pooling window that lies in the image.
typedef struct {
    int32_t y0, y1, x0, x1;
} span_t;

static span_t span(const sc_window_t *w, int32_t out_y, int32_t out_x) {
    int32_t y = out_y * w->stride_h - w->pad_h, x = out_x * w->stride_w - w->pad_w;
    return (span_t){y < 0 ? 0 : y, y + w->k_h < w->in_h ? y + w->k_h : w->in_h,
                    x < 0 ? 0 : x, x + w->k_w < w->in_w ? x + w->k_w : w->in_w};
}

static int8_t clamp(const pool_t *k, int32_t x) {
    return (int8_t)(x < k->low ? k->low : x > k->high ? k->high : x);
}

static void max_pixel(const pool_t *k, const int8_t *image, span_t s, int8_t *out) {
    memset(out, -128, k->channels);
    for (int32_t y = s.y0; y < s.y1; y++) {
        const int8_t *pixel = image + (y * k->window.in_w + s.x0) * k->channels;
        for (int32_t x = s.x0; x < s.x1; x++, pixel += k->channels) {
            for (int32_t c = 0; c < k->channels; c++) {
                out[c] = pixel[c] > out[c] ? pixel[c] : out[c];
            }
        }
    }
    for (int32_t c = 0; c < k->channels; c++) {
        out[c] = clamp(k, out[c]);
    }
}

static void average_pixel(const pool_t *k, const int8_t *image, span_t s, int8_t *out) {
    int32_t *sum = k->scratch;
    int32_t count = (s.y1 - s.y0) * (s.x1 - s.x0);
    memset(sum, 0, k->channels * sizeof(*sum));
    for (int32_t y = s.y0; y < s.y1; y++) {
        const int8_t *pixel = image + (y * k->window.in_w + s.x0) * k->channels;
        for (int32_t x = s.x0; x < s.x1; x++, pixel += k->channels) {
            for (int32_t c = 0; c < k->channels; c++) {
                sum[c] += pixel[c];
            }
        }
    }
    for (int32_t c = 0; c < k->channels; c++) {
        int32_t half = sum[c] > 0 ? count / 2 : -(count / 2);
        out[c] = clamp(k, (sum[c] + half) / count);
    }
}

static void pool(const pool_t *k,
                 void (*pixel)(const pool_t *, const int8_t *, span_t, int8_t *)) {
    const sc_window_t *w = &k->window;
    const int8_t *image = k->head.a;
    int8_t *out = k->head.out;
    for (int32_t n = 0; n < k->batches; n++, image += w->in_h * w->in_w * k->channels) {
        for (int32_t y = 0; y < w->out_h; y++) {
            for (int32_t x = 0; x < w->out_w; x++, out += k->channels) {
                pixel(k, image, span(w, y, x), out);
            }
        }
    }
}

void sc_op_max_pool_run(const void *record) {
    pool(record, max_pixel);
}

void sc_op_average_pool_run(const void *record) {
    pool(record, average_pixel);
}
