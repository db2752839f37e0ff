// Triangles on the mel scale, as integer weights of FFT bins.
#ifndef SC_MEL_H
#define SC_MEL_H

#include <stddef.h>
#include <stdint.h>
#include "frontend/fft.h"
#include "frontend/frontend.h"

typedef struct {
    uint16_t first; // bin
    uint16_t count; // weights, at least 1
} sc_mel_band_t;

// Number of weights of all bands.
size_t sc_mel_count(const sc_frontend_settings_t *settings);
// bands: (settings->bands), weights: (sc_mel_count) in Q15, band after band.
void sc_mel_init(const sc_frontend_settings_t *settings, sc_mel_band_t *bands, uint16_t *weights);
// |X|^2 of n bins, up to a constant factor, |re| and |im| < 2^30: mantissa * 2^exponent as mantissa + exponent * 2^16,
// exponent 0..60. powers: (n), may begin where bins begin.
void sc_mel_square(const sc_fft_complex_t *bins, uint32_t *powers, uint32_t n);
// levels: (n), log2 in Q15 of each band's sum of |X|^2 * weight / 2^15; 0 for silence. powers: of all bins from the first.
void sc_mel_levels(const uint32_t *powers, const sc_mel_band_t *bands, const uint16_t *weights, uint32_t n, int32_t *levels);

#endif
