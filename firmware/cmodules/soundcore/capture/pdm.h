// Pulse-density modulation, 64 bits to a sample -> int16 samples.
//
// Four integrators and differentiators over 32 bits (CIC: (sin(32 x) / (32 sin x))^4, x = pi f / bit rate), then a
// symmetric filter of 56 taps at twice the output rate that levels the CIC's droop and keeps 9 kHz and above from
// folding back, then gain.h. At an output rate of 16 kHz: +-0.1 dB up to 7 kHz; a stream of ones is full scale.
#ifndef SC_PDM_H
#define SC_PDM_H

#include "capture/gain.h"

#define SC_PDM_TAPS (56)
#define SC_PDM_BYTES (8) // to a sample

typedef struct {
    int32_t shift;
    int32_t dc_shift;
} sc_pdm_settings_t;

typedef struct {
    sc_gain_t gain;
    uint32_t sums[4];               // the integrators, modulo 2^32
    uint32_t before[4];             // what each differentiator saw last
    int16_t line[2 * SC_PDM_TAPS]; // the newest taps twice over, so that they lie in a row from `at` on
    uint32_t at;
} sc_pdm_t;

extern const sc_pdm_settings_t sc_pdm_defaults;

// The caller gives the object. SC_OK, or why the settings are refused.
sc_err_t sc_pdm_init(sc_pdm_t *pdm, const sc_pdm_settings_t *settings);
void sc_pdm_reset(sc_pdm_t *pdm);
// Little-endian words of 32 bits, the oldest bit the most significant, two to a sample, at any address -> out, shape
// (samples,).
void sc_pdm_convert(sc_pdm_t *pdm, const uint8_t *raw, size_t samples, int16_t *out);

#endif
