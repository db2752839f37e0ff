// Triangles on the mel scale, as integer weights of FFT bins.
#ifndef SC_MEL_H
#define SC_MEL_H

#include <stddef.h>
#include <stdint.h>
#include "frontend/fft.h"
#include "frontend/frontend.h"

// Power of one bin, up to a constant factor: mantissa * 2^exponent, mantissa < 2^16. Overwrites the bin's complex
// value.
typedef struct {
    uint32_t mantissa;
    uint32_t exponent; // 0..60
} sc_mel_power_t;

typedef union {
    sc_fft_complex_t value;
    sc_mel_power_t power;
} sc_mel_bin_t;

typedef struct {
    uint16_t first; // bin
    uint16_t count; // weights, at least 1
} sc_mel_band_t;

// Number of weights of all bands.
size_t sc_mel_count(const sc_frontend_settings_t *settings);
// bands: (settings->bands), weights: (sc_mel_count) in Q15, band after band.
void sc_mel_init(const sc_frontend_settings_t *settings, sc_mel_band_t *bands, uint16_t *weights);
// |X|^2 of n bins in place, |re| and |im| < 2^30.
void sc_mel_square(sc_mel_bin_t *bins, uint32_t n);
// log2 in Q15 of the sum of |X|^2 * weight / 2^15; 0 for silence.
int32_t sc_mel_log2(const sc_mel_bin_t *bins, const uint16_t *weights, uint32_t count);

#endif
