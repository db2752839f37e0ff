// The last stage of every microphone: removes DC, applies gain, saturates to int16.
//
//   y    x - d >> dc_shift, with d += y            only if dc_shift > 0: a one-pole high-pass
//   out  y * 2^shift in units of 2^-15 of full scale, rounded down, saturated
//
// The high-pass loses 3 dB at rate_hz / (2 pi 2^dc_shift), within 4 %: 9.9 Hz at 16 kHz for dc_shift 8.
#ifndef SC_GAIN_H
#define SC_GAIN_H

#include "error.h"

#define SC_GAIN_BITS (20) // of x: with the 11 of d's fraction they fit into 32

typedef struct {
    int32_t shift;    // 0..8, in steps of 6.02 dB
    int32_t dc_shift; // 0 or 4..11
    int32_t dc;       // d
} sc_gain_t;

static inline sc_err_t sc_gain_init(sc_gain_t *gain, int32_t shift, int32_t dc_shift) {
    if (shift < 0 || shift > 8) {
        return SC_E_GAIN_SHIFT;
    }
    if (dc_shift != 0 && (dc_shift < 4 || dc_shift > 11)) {
        return SC_E_GAIN_DC;
    }
    *gain = (sc_gain_t) {shift, dc_shift, 0};
    return SC_OK;
}

// -2^19 <= x < 2^19
static inline int16_t sc_gain_apply(sc_gain_t *gain, int32_t x) {
    if (gain->dc_shift) {
        x -= gain->dc >> gain->dc_shift;
        gain->dc += x;
    }
    // Up to 21 bits and 8 of gain.
    x = (x * (1 << gain->shift)) >> (SC_GAIN_BITS - 16);
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

#endif
