// Real FFT of 256, 512 or 1024 points in place, without scaling.
#ifndef SC_FFT_H
#define SC_FFT_H

#include <stdint.h>

#define SC_FFT_MAX_POINTS (1024)

typedef struct {
    int32_t re;
    int32_t im;
} sc_fft_complex_t;

// sin(2 pi i / 1024) in Q23, i = 0..256: 16 bits would put false tones at -95 dB.
extern const int32_t sc_fft_sine[257];

// The input position of the pair of real samples (2i, 2i + 1), as {re, im}: the bits of i reversed.
// Steps through all i: start with 0 and pass the previous result; pairs = points / 2.
static inline uint32_t sc_fft_next_place(uint32_t place, uint32_t pairs) {
    uint32_t bit = pairs >> 1;
    while (place & bit) {
        place ^= bit;
        bit >>= 1;
    }
    return place | bit;
}

// z: (points / 2 + 1), the last one unused on input. On output: bins 0..points / 2,
// X[k] = sum x[n] e^(-2 pi i k n / points).
// length: 1, or for 512 points 4, if z holds the transforms of each four of its places already.
// The sum of |x[n]| must not exceed 2^29 + 2^10.
void sc_fft_real(sc_fft_complex_t *z, uint32_t points, uint32_t length);

#endif
