// Log-mel and MFCC features from 16-bit PCM, in fixed point.
//
// x int16 (window) * Hann -> real FFT -> power -> mel triangles -> dB -> [DCT-II] -> int8
//   log-mel: q = clamp(round((dB - floor_db) * 1000 / step_mdb) - 128)
//   MFCC:    c = orthonormal DCT-II of max(0, dB - floor_db) over the bands,
//            q[0] = clamp(round(c[0] * 1000 / step_mdb) - 128), q[k] = clamp(round(c[k] * 1000 / step_mdb))
// 0 dB is the power of the peak bin of a full-scale sine at a bin centre.
// The bands lie evenly on the mel scale m = 2595 log10(1 + f / 700) (HTK); a triangle's two halves are
// never narrower than one bin, so no band is empty. Peak weight 1, no area normalisation.
#ifndef SC_FRONTEND_H
#define SC_FRONTEND_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"

// Incremented whenever the same PCM and settings would give other features.
#define SC_FRONTEND_VERSION (1)
#define SC_FRONTEND_MAX_BANDS (128)
#define SC_FRONTEND_MAX_COEFFICIENTS (40)

typedef struct {
    int32_t rate_hz;
    int32_t window;       // samples
    int32_t hop;          // samples
    int32_t fft;          // points
    int32_t bands;
    int32_t low_hz;
    int32_t high_hz;
    int32_t coefficients; // 0: log-mel; else the number of MFCCs
    int32_t floor_db;     // dBFS that becomes -128
    int32_t step_mdb;     // thousandths of a dB per int8 step
} sc_frontend_settings_t;

typedef struct sc_frontend sc_frontend_t;

// 16000, 512, 256, 512, 40, 60, 7600, 0, -100, 400
extern const sc_frontend_settings_t sc_frontend_defaults;

// Bytes of memory an object with these settings needs; 0 and a fault if they are refused.
size_t sc_frontend_size(const sc_frontend_settings_t *settings, sc_fault_t *fault);
// memory: 8-byte aligned. NULL and a fault if refused.
sc_frontend_t *sc_frontend_init(void *memory, size_t size, const sc_frontend_settings_t *settings,
    sc_fault_t *fault);
// Forgets all samples.
void sc_frontend_reset(sc_frontend_t *f);
// Values per frame: bands, or coefficients.
size_t sc_frontend_width(const sc_frontend_t *f);
// Frames that n more samples would complete.
size_t sc_frontend_frames_after(const sc_frontend_t *f, size_t n);
// Samples still missing for the next frame, at least 1.
size_t sc_frontend_needed(const sc_frontend_t *f);
// Takes samples up to the end of the next frame and returns how many; *made is 1 if a frame was written to out.
size_t sc_frontend_push(sc_frontend_t *f, const int16_t *pcm, size_t n, int8_t *out /* (width) */, int *made);

#endif
