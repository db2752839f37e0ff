// Sound for the wire: ADPCM whose predictor and steps are sent along, so that every piece is decoded without another.
//
// A piece, integers little-endian:
//     byte 0      0x10 + bits per sample (3, 4 or 5)
//     bytes 1..2  samples, 1..65535
//     bytes 3..6  the first two samples (the second is 0 if there is one only)
// then the other samples in blocks of 128, the last may be shorter:
//     int8 a1, int8 a2                       predictor, in 1/64
//     per 16 samples (the last may be fewer) uint8 i, then their codes, packed from the lowest bit of the first byte up
//
// With s = i + 1 for i < 8, else (9 + (i - 8) % 8) << ((i - 8) / 8), i < 96, and codes c of -half..half - 1 kept as
// c + half, half = 2^(bits - 1); >> rounds down, clip() limits to int16:
//     p = clip((a1 * x[n-1] + a2 * x[n-2] + 32) >> 6)        x[n] = clip(p + c * s + (s >> 1))
// A step of 1 is lossless. The encoder is free to choose a1, a2 and i; this one takes the least squares over the
// samples of the block and the smallest step that holds their residual.
#ifndef SC_ADPCM_H
#define SC_ADPCM_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SC_ADPCM_MAX_SAMPLES (65535)

// Size of a piece in bytes.
size_t sc_adpcm_size(size_t samples, int32_t bits);
// pcm: int16, aligned or not. Writes sc_adpcm_size() bytes. SC_E_ADPCM_BITS, SC_E_ADPCM_COUNT.
sc_err_t sc_adpcm_encode(const void *pcm, size_t samples, int32_t bits, uint8_t *out);
// Checks a piece and counts its samples. SC_E_ADPCM_DATA if it is not a piece.
sc_err_t sc_adpcm_samples(const uint8_t *data, size_t size, size_t *samples);
// Decodes a piece that has been checked. pcm: int16, aligned or not, with room for its samples.
void sc_adpcm_decode(const uint8_t *data, void *pcm);

#endif
