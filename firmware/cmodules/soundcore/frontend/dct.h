// Orthonormal DCT-II of the band values: MFCC.
#ifndef SC_DCT_H
#define SC_DCT_H

#include <stdint.h>
#include "frontend/fixed.h"

typedef struct {
    int32_t bands;
    int32_t coefficients;
    sc_fixed_factor_t first;   // of coefficient 0: sqrt(1 / bands) * unit
    sc_fixed_factor_t others;  // sqrt(2 / bands) * unit
    const uint16_t *cosine;    // (bands + 1): cos(pi j / (2 bands)) in Q15
} sc_dct_t;

// log2_unit: log2 in Q24 of the output's steps per input step. cosine: (bands + 1), filled here and kept.
void sc_dct_init(sc_dct_t *dct, int32_t bands, int32_t coefficients, int32_t log2_unit, uint16_t *cosine);
// values: (bands), 0 <= v < 2^15, overwritten. out: (coefficients), coefficient 0 lowered by 128.
void sc_dct_run(const sc_dct_t *dct, int32_t *values, int8_t *out);

#endif
