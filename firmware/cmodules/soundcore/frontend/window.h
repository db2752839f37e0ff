// The windowed samples of a frame, where the FFT wants them.
#ifndef SC_WINDOW_H
#define SC_WINDOW_H

#include "frontend/fft.h"

// x: (window) samples, and a 0 that makes odd windows even; at an address of words. hann: (window / 2 + 2), its rising half
// in Q23. z: (fft / 2), x times the window, rounded to 2^(15 - shift) per unit of a sample. Returns the length of the
// transforms that z holds then, for sc_fft_real: 1, or 4 where the first butterflies are made at once.
uint32_t sc_window_load(sc_fft_complex_t *z, const int16_t *x, const int32_t *hann, uint32_t window, uint32_t fft,
    uint32_t shift);

#endif
