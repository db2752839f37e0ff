// The windowed samples of a frame, where the FFT wants them.
#ifndef SC_WINDOW_H
#define SC_WINDOW_H

#include "frontend/fft.h"

// z: (fft / 2), of the samples x, (window), and a 0 that makes odd windows even, times the window, rounded to
// 2^(15 - shift) per unit of a sample. hann: (window / 2 + 2), its rising half in Q23. Returns the length of the transforms that are
// made at once, which is 1 but on ARMv6-M: what sc_fft_real goes on with.
uint32_t sc_window_load(sc_fft_complex_t *z, const int16_t *x, const int32_t *hann, uint32_t window, uint32_t fft,
    uint32_t shift);

#endif
