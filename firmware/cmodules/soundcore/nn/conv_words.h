// The inner loops of conv_words.c: in C, or in conv_armv6m.c, which knows the offsets of the struct.
#ifndef SC_CONV_WORDS_H
#define SC_CONV_WORDS_H

#include <stdint.h>

// How sums become outputs.
typedef struct {
    const int32_t *multiplier; // (channels)
    const int8_t *shift;       // (channels)
    int8_t *out;
    int32_t constant;          // zero - low in units of 2^-21 and the constants of sc_quantize_scale_near
    int32_t range;             // high - low
    int32_t low;
} sc_conv_scale_t;

// All filters at four positions.
typedef struct {
    const int32_t *x;      // (length, 4)
    const int8_t *w;       // (filters, length); moves on to its end
    int32_t length;
    const int32_t *bias;   // (filters)
    sc_conv_scale_t scale; // out: (4, stride), the first `filters` of each row
    int32_t stride;
    int32_t end;           // 4 times the filters
} sc_conv_four_t;

void sc_conv_four(sc_conv_four_t *four);

// A pixel under the window and the weights there, as bytes from the first ones.
typedef struct {
    int32_t pixel, weights;
} sc_conv_tap_t;

// All channels of a depthwise convolution at one position. The pointers move on, four channels at a time.
typedef struct {
    const sc_conv_tap_t *taps; // one at least
    const sc_conv_tap_t *end;
    int32_t zero;              // of the input
    const int32_t *bias;       // (channels)
    sc_conv_scale_t scale;     // out: (channels)
    int32_t left;              // channels, a multiple of 4
    const int8_t *image;       // 4-byte aligned, as is w
    const int8_t *w;           // (taps, channels)
} sc_conv_quads_t;

void sc_conv_quads(sc_conv_quads_t *quads);

// The output less low of a channel's sum with its bias, from both roundings. channel4: 4 times its number.
int32_t sc_conv_exact(int32_t sum, const sc_conv_scale_t *scale, int32_t channel4);

// Sums (4) of the rows of w (4, length) times x (length).
void sc_conv_rows(const int16_t *x, const int8_t *w, int32_t length, int32_t *sums);

#endif
