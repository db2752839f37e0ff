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

// All filters at four positions. A word holds the values of two of them, plus 1 each: (length, 2) of first + second 2^16,
// the sum as it is, without regard to signs. Products with two weights cannot run into each other: a value from -127 to
// 128 times one from -128 to 127 is within -2^14..2^14 - 128.
typedef struct {
    const int32_t *x;
    const int8_t *w;       // (filters, length); moves on to its end
    int32_t length;
    const int32_t *bias;   // (filters)
    sc_conv_scale_t scale; // out: (4, stride), the first `filters` of each row
    int32_t stride;
    int32_t filters;
    int32_t zero;          // of the values in x
    int32_t start;         // -2^15 for each pair of weights
    int32_t *sums;         // (filters) bias - zero times the sum of the weights; written, or read if
    int32_t known;         // they are there already and the rows of w 4-byte aligned
} sc_conv_four_t;

void sc_conv_four(sc_conv_four_t *four);

// Runs of values that are to be pairs of sc_conv_four_t.
typedef struct {
    int32_t bytes;          // of the pairs of a run, 8 for each value
    int32_t a_step, b_step; // from value to value: 1, or 0 to repeat one
    int32_t gap;            // between runs
    int32_t runs;
} sc_conv_runs_t;

// Writes the values from a and b as every other word. Returns what follows.
void *sc_conv_pairs(int32_t *to, const int8_t *a, const int8_t *b, const sc_conv_runs_t *runs);

// A pixel under the window and the weights there, as bytes from the first ones.
typedef struct {
    int32_t pixel, weights;
} sc_conv_tap_t;

// Channels at one position, of a depthwise convolution or of another. image and w move on.
typedef struct {
    const sc_conv_tap_t *taps; // depthwise; else NULL
    union {
        const sc_conv_tap_t *end; // of taps
        const int16_t *x;         // else (length), minus the zero point
    };
    union {
        int32_t zero; // of the input
        int32_t length;
    };
    const int32_t *bias;   // (channels) or NULL
    sc_conv_scale_t scale; // out: (channels)
    int32_t channels;      // a multiple of 4
    const int8_t *image;   // depthwise, 4-byte aligned, as is w then
    const int8_t *w;       // (taps, channels), else (channels, length)
} sc_conv_quads_t;

void sc_conv_quads(sc_conv_quads_t *quads);

// The output less low of a channel's sum with its bias, from both roundings.
int32_t sc_conv_exact(int32_t sum, const sc_conv_scale_t *scale, int32_t channel);

#endif
