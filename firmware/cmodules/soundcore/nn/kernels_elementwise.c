// Kernels that compute each value from the values at one place: sums, products, logistic, tanh, softmax, requantization.
// Each may run in place: a value is read before the one at its place is written.
#include "nn/kernels.h"

#include "nn/quantize.h"
#include "nn/transcendental.h"

// Left shift of the inputs of a sum before they are brought to one scale.
#define SUM_SHIFT (20)

static int32_t sum_term(int32_t x, int32_t multiplier, int32_t shift) {
    return sc_quantize_shift_right(sc_quantize_high_product(x * (1 << SUM_SHIFT), multiplier), -shift);
}

// The innermost loop of a broadcast operator.
typedef void row_t(const sc_kernel_binary_t *k, const sc_kernel_axis_t *axis, const int8_t *a, const int8_t *b,
                   int8_t *out);

static void add_row(const sc_kernel_binary_t *k, const sc_kernel_axis_t *axis, const int8_t *a, const int8_t *b,
                    int8_t *out) {
    for (int32_t i = 0; i < axis->count; i++, a += axis->a_step, b += axis->b_step) {
        int32_t x = sum_term(*a - k->a_zero, k->a_multiplier, k->a_shift);
        int32_t y = sum_term(*b - k->b_zero, k->b_multiplier, k->b_shift);
        out[i] = sc_quantize_output(x + k->sign * y, k->out_multiplier, k->out_shift, k->out_zero, k->low, k->high);
    }
}

static void mul_row(const sc_kernel_binary_t *k, const sc_kernel_axis_t *axis, const int8_t *a, const int8_t *b,
                    int8_t *out) {
    for (int32_t i = 0; i < axis->count; i++, a += axis->a_step, b += axis->b_step) {
        int32_t product = (*a - k->a_zero) * (*b - k->b_zero);
        out[i] = sc_quantize_output(product, k->out_multiplier, k->out_shift, k->out_zero, k->low, k->high);
    }
}

static void broadcast(const sc_kernel_binary_t *k, row_t *row) {
    sc_kernel_axis_t axis[4];
    sc_kernel_axes(k + 1, k->head.axes, axis);
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

void sc_kernels_add(const sc_kernel_binary_t *k) {
    broadcast(k, add_row);
}

void sc_kernels_mul(const sc_kernel_binary_t *k) {
    broadcast(k, mul_row);
}

void sc_kernels_quantize(const sc_kernel_unary_t *k) {
    for (int32_t i = 0; i < k->count; i++) {
        k->head.out[i] = sc_quantize_output(k->head.a[i] - k->in_zero, k->multiplier, k->shift, k->out_zero, -128, 127);
    }
}

// f: int32 with 4 integer bits -> int32 with none. drop: bits of its result below those of the output.
static void saturating(const sc_kernel_unary_t *k, int32_t (*f)(int32_t), int32_t drop) {
    for (int32_t i = 0; i < k->count; i++) {
        int32_t x = k->head.a[i] - k->in_zero;
        if (x <= -k->radius) {
            k->head.out[i] = -128;
        } else if (x >= k->radius) {
            k->head.out[i] = 127;
        } else {
            int32_t y = f(sc_quantize_scale(x, k->multiplier, k->shift));
            y = sc_quantize_shift_right(y, drop) + k->out_zero;
            k->head.out[i] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
        }
    }
}

void sc_kernels_logistic(const sc_kernel_unary_t *k) {
    saturating(k, sc_transcendental_logistic, 23);
}

void sc_kernels_tanh(const sc_kernel_unary_t *k) {
    saturating(k, sc_transcendental_tanh, 24);
}

// exp of a difference to the row's maximum; 0 integer bits.
static int32_t softmax_exp(const sc_kernel_softmax_t *k, int32_t difference) {
    return sc_transcendental_exp(
        sc_quantize_high_product((int32_t)((uint32_t)difference << k->shift), k->multiplier), 5);
}

void sc_kernels_softmax(const sc_kernel_softmax_t *k) {
    const int8_t *row = k->head.a;
    int8_t *out = k->head.out;
    for (int32_t i = 0; i < k->rows; i++, row += k->depth, out += k->depth) {
        int32_t maximum = -128;
        for (int32_t c = 0; c < k->depth; c++) {
            maximum = row[c] > maximum ? row[c] : maximum;
        }
        uint32_t sum = 0; // 12 integer bits, enough for 4095 terms
        for (int32_t c = 0; c < k->depth; c++) {
            if (row[c] - maximum >= k->diff_min) {
                sum += (uint32_t)sc_quantize_shift_right(softmax_exp(k, row[c] - maximum), 12);
            }
        }
        int32_t bits_over_one;
        int32_t reciprocal = sc_transcendental_reciprocal(sum, 12, &bits_over_one);
        for (int32_t c = 0; c < k->depth; c++) {
            int32_t y = 0;
            if (row[c] - maximum >= k->diff_min && bits_over_one <= 8) {
                y = sc_quantize_high_product(reciprocal, softmax_exp(k, row[c] - maximum));
                y = sc_quantize_shift_right(y, bits_over_one + 23);
            }
            out[c] = (int8_t)(y > 255 ? 127 : y - 128);
        }
    }
}
