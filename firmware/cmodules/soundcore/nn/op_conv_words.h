// The inner loops of op_conv_words.c: in C, or in op_conv_armv6m.c, which knows the offsets of the struct.
#ifndef SC_OP_CONV_WORDS_H
#define SC_OP_CONV_WORDS_H

#include <stdint.h>

// All filters at four positions.
typedef struct {
    const int32_t *x;          // (length, 4)
    const int8_t *w;           // (filters, length); moves on to its end
    int32_t length;
    const int32_t *bias;       // (filters)
    const int32_t *multiplier; // (filters)
    const int8_t *shift;       // (filters)
    int8_t *out;               // (4, stride), the first `filters` of each row
    int32_t constant;          // zero - low in units of 2^-21 and the constants of sc_quantize_scale_near
    int32_t range;             // high - low
    int32_t low;
    int32_t stride;
    int32_t end;               // 4 times the filters
} sc_conv_four_t;

void sc_conv_four(sc_conv_four_t *four);

// The output less low of a filter's sum with its bias, from both roundings. filter4: 4 times its number.
int32_t sc_conv_exact(int32_t sum, const sc_conv_four_t *four, int32_t filter4);

// Sums (4) of the rows of w (4, length) times x (length).
void sc_conv_rows(const int16_t *x, const int8_t *w, int32_t length, int32_t *sums);

#endif
