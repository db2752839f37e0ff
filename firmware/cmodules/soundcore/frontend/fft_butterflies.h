// The butterflies of a radix-4 stage of fft.c, which are in assembler for ARMv6-M.
#ifndef SC_FFT_BUTTERFLIES_H
#define SC_FFT_BUTTERFLIES_H

#include "frontend/fft.h"

#if defined(__ARM_ARCH_6M__)
#define SC_FFT_ASSEMBLER (1)
#else
#define SC_FFT_ASSEMBLER (0)
#endif

// A Q23 factor as Q15 and the rest, -128..127.
typedef struct {
    int32_t q15;
    int32_t rest;
} sc_fft_factor_t;

typedef struct {
    sc_fft_factor_t c; // cos
    sc_fft_factor_t s; // sin
} sc_fft_turn_t;

#if SC_FFT_ASSEMBLER
// The butterflies of numbers `gap` bytes apart: the first at z, the following ones every 4 gap bytes, within `all` bytes.
// Their second numbers are turned by turns[0] before, the third ones by turns[1], the last ones by turns[2]; none is
// turned if it is NULL.
void sc_fft_butterflies(sc_fft_complex_t *z, const sc_fft_turn_t *turns, uint32_t gap, uint32_t all);
#endif

#endif
