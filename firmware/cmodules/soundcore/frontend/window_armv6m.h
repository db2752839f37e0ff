// The most common window with the first butterflies of the FFT, in assembler for ARMv6-M.
#ifndef SC_WINDOW_ARMV6M_H
#define SC_WINDOW_ARMV6M_H

#include "frontend/fft.h"

#if defined(__ARM_ARCH_6M__)
#define SC_WINDOW_ASSEMBLER (1)
// sc_window_load of 512 samples for 512 points, and the first radix-4 stage of its 256 pairs. x: aligned to words.
void sc_window_first_butterflies(sc_fft_complex_t *z, const int16_t *x, const int32_t *hann);
#else
#define SC_WINDOW_ASSEMBLER (0)
#endif

#endif
