// One prototype per kernel, and the record each one runs from. Records are made at init (checks.c fills in the
// numbers, model.c the addresses) and only read in the loop. The kernels in kernels_*.c are portable and define what is
// right: TensorFlow Lite Micro's results, to the bit.
#ifndef SC_KERNELS_H
#define SC_KERNELS_H

#include <stdint.h>

// FULLY_CONNECTED is a 1x1 convolution; RESHAPE, CONCATENATION, STRIDED_SLICE and PAD are copies (PAD after a fill).
typedef enum {
    SC_KERNEL_CONV,
    SC_KERNEL_DEPTHWISE,
    SC_KERNEL_ADD, // and SUB
    SC_KERNEL_MUL,
    SC_KERNEL_LOGISTIC,
    SC_KERNEL_TANH,
    SC_KERNEL_SOFTMAX,
    SC_KERNEL_QUANTIZE,
    SC_KERNEL_MEAN,
    SC_KERNEL_MAX_POOL,
    SC_KERNEL_AVERAGE_POOL,
    SC_KERNEL_COPY,
    SC_KERNEL_FILL,
} sc_kernel_kind_t;

typedef struct {
    uint32_t bytes : 24; // to the next record
    uint32_t kind : 5;   // sc_kernel_kind_t
    uint32_t axes : 3;   // 1..4 axes follow the record, in the kinds that have them
    const int8_t *a;
    const int8_t *b;
    int8_t *out;
} sc_kernel_t;

// A loop of count steps through two tensors. A record's axes stand behind it, outermost first.
typedef struct {
    int32_t count;
    int32_t a_step;
    int32_t b_step; // of out in copies
} sc_kernel_axis_t;

typedef struct {
    uint16_t in_h, in_w, out_h, out_w;
    uint16_t k_h, k_w, stride_h, stride_w, dilation_h, dilation_w;
    uint16_t pad_h, pad_w; // before the first row and column
} sc_kernel_window_t;

typedef struct {
    sc_kernel_t head;         // a (batches, in_h, in_w, in_c), out (batches, out_h, out_w, out_c)
                               // b: conv (out_c, k_h, k_w, in_c / groups); depthwise (1, k_h, k_w, out_c)
    const int32_t *bias;       // (out_c) or NULL
    const int32_t *multiplier; // (out_c), or (1) when not per_channel
    const int8_t *shift;       // likewise
    void *scratch;             // conv: int16 (k_h, k_w, in_c / groups); depthwise: int32 (out_c)
    int32_t batches;
    sc_kernel_window_t window;
    uint16_t in_c, out_c;
    uint16_t groups;           // depthwise: channels out per channel in
    uint8_t per_channel;
    int8_t in_zero, out_zero, low, high;
} sc_kernel_conv_t;

typedef struct {
    sc_kernel_t head; // a, b and out, broadcast along the axes whose step is 0; out is contiguous
    int32_t a_multiplier, b_multiplier, out_multiplier; // MUL: out only
    int8_t a_shift, b_shift, out_shift;
    int8_t a_zero, b_zero, out_zero, low, high;
    int8_t sign;       // -1 for SUB
} sc_kernel_binary_t; // and its axes

typedef struct {
    sc_kernel_t head; // a (count), out (count)
    int32_t count;
    int32_t multiplier;
    int32_t radius;    // LOGISTIC, TANH: |a - in_zero| from here on is saturated
    int8_t shift, in_zero, out_zero;
} sc_kernel_unary_t;

typedef struct {
    sc_kernel_t head; // a (rows, depth), out (rows, depth)
    int32_t rows, depth;
    int32_t multiplier;
    int32_t diff_min;  // what lies further below the row's maximum is 0
    int8_t shift;
} sc_kernel_softmax_t;

typedef struct {
    sc_kernel_t head; // a, out (kept[0], kept[1]); a_step: of a
    sc_kernel_axis_t kept[2], reduced[2];
    int32_t offset;    // zero point of a times the number of values averaged
    int32_t multiplier;
    int8_t shift, out_zero;
} sc_kernel_mean_t;

typedef struct {
    sc_kernel_t head; // a (batches, in_h, in_w, channels), out (batches, out_h, out_w, channels)
    int32_t *scratch;  // (channels); average only
    int32_t batches;
    sc_kernel_window_t window;
    uint16_t channels;
    int8_t low, high;
} sc_kernel_pool_t;

typedef struct {
    sc_kernel_t head; // a and out at their first elements
} sc_kernel_copy_t;   // and its axes

typedef struct {
    sc_kernel_t head;
    int32_t count;
    int8_t value;
} sc_kernel_fill_t;

// A record's axes, padded in front to four.
static inline void sc_kernel_axes(const void *behind, int32_t axes, sc_kernel_axis_t out[4]) {
    const sc_kernel_axis_t *axis = (const sc_kernel_axis_t *)behind;
    for (int32_t i = 0; i < 4; i++) {
        out[i] = i < 4 - axes ? (sc_kernel_axis_t){1, 0, 0} : axis[i - (4 - axes)];
    }
}

void sc_kernels_conv(const sc_kernel_conv_t *k);
void sc_kernels_depthwise(const sc_kernel_conv_t *k);
void sc_kernels_add(const sc_kernel_binary_t *k);
void sc_kernels_mul(const sc_kernel_binary_t *k);
void sc_kernels_logistic(const sc_kernel_unary_t *k);
void sc_kernels_tanh(const sc_kernel_unary_t *k);
void sc_kernels_quantize(const sc_kernel_unary_t *k);
void sc_kernels_softmax(const sc_kernel_softmax_t *k);
void sc_kernels_mean(const sc_kernel_mean_t *k);
void sc_kernels_max_pool(const sc_kernel_pool_t *k);
void sc_kernels_average_pool(const sc_kernel_pool_t *k);
void sc_kernels_copy(const sc_kernel_copy_t *k);
void sc_kernels_fill(const sc_kernel_fill_t *k);

#endif
