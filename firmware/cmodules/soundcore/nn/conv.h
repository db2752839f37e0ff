// What the files of the convolutions share: op_conv.c checks, op_conv_run.c and conv_words.c run.
#ifndef SC_CONV_H
#define SC_CONV_H

#include "nn/ops.h"
#include "nn/quantize.h"
#include "nn/window.h"

// Whether the loops are those of conv_words.c: for cores that multiply low registers only.
#if !defined(SC_CONV_WORDS)
#if defined(__ARM_ARCH_6M__)
#define SC_CONV_WORDS (1)
#else
#define SC_CONV_WORDS (0)
#endif
#endif

typedef struct {
    sc_record_t head;          // a (batches, in_h, in_w, in_c), out (batches, out_h, out_w, out_c)
                               // b: (out_c, k_h, k_w, in_c / groups); depthwise (1, k_h, k_w, out_c)
    const int32_t *bias;       // (out_c) or NULL
    const int32_t *multiplier; // (out_c), or (1) when not per_channel
    const int8_t *shift;       // likewise
    void *scratch;             // (k_h, k_w, in_c / groups) int16, or (..., 2) and (out_c) int32: sc_conv_positions
                               // depthwise: (out_c) int32, or (taps, 2) int32
    int32_t batches;
    sc_window_t window;
    uint16_t in_c, out_c;
    uint16_t groups;           // depthwise: channels out per channel in
    uint8_t per_channel;
    int8_t in_zero, out_zero, low, high;
} sc_conv_t;

// Pixels of a depthwise window that are listed in its scratch memory.
#define SC_CONV_MAX_TAPS (32)

// Positions whose patches lie in the scratch memory at once: four where there are as many and their words take no more
// than 2 KB, which hardly any model's arena grows by.
static inline int32_t sc_conv_positions(const sc_window_t *w, int32_t length) {
    return w->out_h * w->out_w >= 4 && length <= 256 ? 4 : 1;
}

// The output of a channel's sum.
int8_t sc_conv_output(const sc_conv_t *k, int32_t sum, int32_t channel);

// Runs a depthwise convolution four channels at a time; 0 if the layer is one of those that this is not made for.
int sc_conv_depthwise_quads(const sc_conv_t *k);

#endif
