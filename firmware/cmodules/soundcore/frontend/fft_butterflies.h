// The stages of fft.c, which are in assembler for ARMv6-M.
#ifndef SC_FFT_BUTTERFLIES_H
#define SC_FFT_BUTTERFLIES_H

#include "frontend/fft.h"

#if defined(__ARM_ARCH_6M__)
#define SC_FFT_ASSEMBLER (1)
#else
#define SC_FFT_ASSEMBLER (0)
#endif

#if SC_FFT_ASSEMBLER
// The first radix-4 stage, of numbers in a row.
void sc_fft_first_radix4(sc_fft_complex_t *z, const sc_fft_complex_t *end);
// A later one of `all` bytes: transforms of `gap` bytes become ones of four times as many. sine: sc_fft_sine; turn:
// the first angle other than 0, 2 pi at 2^32.
void sc_fft_radix4(sc_fft_complex_t *z, uint32_t gap, uint32_t all, const int32_t *sine, uint32_t turn);
// The spectrum of the real input but for its first and last bin and that in the middle: p and q are the second bin and the
// last but one. turn: from a bin to the next, 4 bytes of sine.
void sc_fft_split(sc_fft_complex_t *p, sc_fft_complex_t *q, const int32_t *sine, uint32_t turn);
#endif

#endif
