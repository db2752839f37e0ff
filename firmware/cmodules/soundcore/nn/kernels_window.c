// Pooling and mean.
#include "nn/kernels.h"

#include <string.h>
#include "nn/quantize.h"

// The part of a pooling window that lies in the image.
typedef struct {
    int32_t y0, y1, x0, x1;
} span_t;

static span_t span(const sc_kernel_window_t *w, int32_t out_y, int32_t out_x) {
    int32_t y = out_y * w->stride_h - w->pad_h, x = out_x * w->stride_w - w->pad_w;
    return (span_t){y < 0 ? 0 : y, y + w->k_h < w->in_h ? y + w->k_h : w->in_h,
                    x < 0 ? 0 : x, x + w->k_w < w->in_w ? x + w->k_w : w->in_w};
}

static int8_t clamp(const sc_kernel_pool_t *k, int32_t x) {
    return (int8_t)(x < k->low ? k->low : x > k->high ? k->high : x);
}

static void max_pixel(const sc_kernel_pool_t *k, const int8_t *image, span_t s, int8_t *out) {
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

static void average_pixel(const sc_kernel_pool_t *k, const int8_t *image, span_t s, int8_t *out) {
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

static void pool(const sc_kernel_pool_t *k,
                 void (*pixel)(const sc_kernel_pool_t *, const int8_t *, span_t, int8_t *)) {
    const sc_kernel_window_t *w = &k->window;
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

void sc_kernels_max_pool(const sc_kernel_pool_t *k) {
    pool(k, max_pixel);
}

void sc_kernels_average_pool(const sc_kernel_pool_t *k) {
    pool(k, average_pixel);
}

void sc_kernels_mean(const sc_kernel_mean_t *k) {
    const sc_kernel_axis_t *kept = k->kept, *reduced = k->reduced;
    int8_t *out = k->head.out;
    for (int32_t i = 0; i < kept[0].count; i++) {
        for (int32_t j = 0; j < kept[1].count; j++) {
            const int8_t *a = k->head.a + i * kept[0].a_step + j * kept[1].a_step;
            int32_t sum = 0;
            for (int32_t l = 0; l < reduced[0].count; l++) {
                const int8_t *b = a + l * reduced[0].a_step;
                for (int32_t m = 0; m < reduced[1].count; m++, b += reduced[1].a_step) {
                    sum += *b;
                }
            }
            *out++ = sc_quantize_output(sum - k->offset, k->multiplier, k->shift, k->out_zero, -128, 127);
        }
    }
}
