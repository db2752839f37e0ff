// The codec of audio lines: signal to noise, lossless cases, every length, and bytes that are no piece.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/adpcm.h"

#define PI 3.14159265358979323846
#define PIECE (1024)

static uint32_t lcg = 1;

static double uniform(void) { // -1..1
    lcg = lcg * 1664525u + 1013904223u;
    return (lcg >> 8) / 8388608.0 - 1;
}

static double gauss(void) { // of 12 uniform numbers: variance 1, within +-6
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += uniform() / 2;
    }
    return sum;
}

static int16_t clip(double x) {
    return x > 32767 ? 32767 : x < -32768 ? -32768 : (int16_t)lrint(x);
}

// Encodes, checks, decodes; memory to the byte, so that a sanitizer sees what goes beyond.
static void through(const int16_t *pcm, size_t n, int32_t bits, int16_t *back) {
    size_t size = sc_adpcm_size(n, bits);
    uint8_t *piece = malloc(size);
    assert(sc_adpcm_encode(pcm, n, bits, piece) == SC_OK);
    size_t samples = 0;
    assert(sc_adpcm_samples(piece, size, &samples) == SC_OK && samples == n);
    int16_t *exact = malloc(2 * n);
    sc_adpcm_decode(piece, exact);
    memcpy(back, exact, 2 * n);
    free(exact);
    free(piece);
}

static double snr_db(const int16_t *pcm, size_t n, int32_t bits) {
    static int16_t back[PIECE];
    double signal = 0, noise = 0;
    for (size_t at = 0; at < n; at += PIECE) {
        size_t count = n - at < PIECE ? n - at : PIECE;
        through(pcm + at, count, bits, back);
        for (size_t i = 0; i < count; i++) {
            double e = pcm[at + i] - back[i];
            signal += (double)pcm[at + i] * pcm[at + i];
            noise += e * e;
        }
    }
    return noise > 0 ? 10 * log10(signal / noise) : 200;
}

#define SECOND (16000)
static int16_t pcm[SECOND];

static void test_noise_keeps_20_db(void) {
    double least = 200;
    for (int level = -60; level <= -12; level += 6) {
        for (int kind = 0; kind < 2; kind++) {
            double amplitude = 32768 * pow(10, level / 20.0);
            for (size_t i = 0; i < SECOND; i++) {
                pcm[i] = clip(amplitude * (kind ? gauss() : uniform()));
            }
            least = fmin(least, snr_db(pcm, SECOND, 4));
        }
    }
    printf("white noise, -60..-12 dBFS: %.1f dB at least\n", least);
    assert(least >= 20);
}

static void test_tones_keep_30_db_at_every_level(void) {
    double least = 200;
    for (int level = -60; level <= -1; level += level < -3 ? 3 : 1) {
        for (int hz = 20; hz < 8000; hz += 61) {
            double amplitude = 32767 * pow(10, level / 20.0);
            for (size_t i = 0; i < SECOND; i++) {
                pcm[i] = clip(amplitude * sin(2 * PI * hz * (double)i / 16000 + hz));
            }
            least = fmin(least, snr_db(pcm, 4 * PIECE, 4));
        }
    }
    printf("tones, 20..8000 Hz, -60..-1 dBFS: %.1f dB at least\n", least);
    assert(least >= 30);
}

// A tone that stops and starts, a full-scale square wave, steps from rail to rail: what predictors fear.
static void test_jumps_stay_bounded(void) {
    for (size_t i = 0; i < SECOND; i++) {
        pcm[i] = i / 500 % 2 ? clip(20000 * sin(2 * PI * 1000 * (double)i / 16000)) : 0;
    }
    assert(snr_db(pcm, SECOND, 4) >= 20);
    for (size_t i = 0; i < SECOND; i++) {
        pcm[i] = i / 37 % 2 ? 32767 : -32768;
    }
    assert(snr_db(pcm, SECOND, 4) >= 20);
    for (size_t i = 0; i < SECOND; i++) {
        pcm[i] = uniform() > 0 ? 32767 : -32768;
    }
    assert(snr_db(pcm, SECOND, 4) >= 20);
}

static void test_quiet_sound_is_without_loss(void) {
    for (size_t i = 0; i < SECOND; i++) {
        pcm[i] = (int16_t)(i / 4000 % 2 ? lrint(3 * uniform()) : 1234);
    }
    for (int32_t bits = 4; bits <= 5; bits++) {
        for (size_t at = 0; at + 1000 <= SECOND; at += 1000) { // no jump within a piece
            assert(snr_db(pcm + at, 1000, bits) == 200);
        }
    }
    memset(pcm, 0, sizeof(pcm));
    assert(snr_db(pcm, SECOND, 3) == 200);
}

static void test_every_length_and_number_of_bits(void) {
    static int16_t back[PIECE];
    for (size_t i = 0; i < PIECE; i++) {
        pcm[i] = clip(9000 * gauss());
    }
    for (int32_t bits = 3; bits <= 5; bits++) {
        for (size_t n = 1; n <= 300; n++) {
            through(pcm, n, bits, back);
            assert(back[0] == pcm[0] && (n == 1 || back[1] == pcm[1]));
        }
    }
    // Three bytes for four samples in base64 and 100 bytes of frame leave this much in a line of 1024.
    assert(sc_adpcm_size(PIECE, 4) <= 693);
    uint8_t out[16];
    assert(sc_adpcm_encode(pcm, 1, 2, out) == SC_E_ADPCM_BITS && sc_adpcm_encode(pcm, 1, 6, out) == SC_E_ADPCM_BITS);
    assert(sc_adpcm_encode(pcm, 0, 4, out) == SC_E_ADPCM_COUNT);
    assert(sc_adpcm_encode(pcm, 65536, 4, out) == SC_E_ADPCM_COUNT);
}

// Random and altered bytes: refused, or decoded within their bounds.
static void test_damaged_pieces_are_refused_or_decoded_in_bounds(void) {
    size_t accepted = 0, refused = 0;
    for (int round = 0; round < 200000; round++) {
        size_t n = 1 + (size_t)((uniform() + 1) * 150);
        int32_t bits = 3 + round % 3;
        size_t size = sc_adpcm_size(n, bits);
        uint8_t *piece = malloc(size + 1);
        for (size_t i = 0; i < n; i++) {
            pcm[i] = clip(20000 * uniform());
        }
        if (round % 2) {
            sc_adpcm_encode(pcm, n, bits, piece);
        } else {
            for (size_t i = 0; i < size; i++) {
                piece[i] = (uint8_t)((uniform() + 1) * 128);
            }
            piece[0] = (uint8_t)(0x10 + bits);
            piece[1] = (uint8_t)n;
            piece[2] = (uint8_t)(n >> 8);
        }
        piece[(size_t)((uniform() + 1) / 2 * (double)size)] ^= (uint8_t)(1 << (round % 8));
        size_t shown = size - (round % 7 == 0);
        size_t samples = 0;
        uint8_t *exact = malloc(shown ? shown : 1);
        memcpy(exact, piece, shown);
        if (sc_adpcm_samples(exact, shown, &samples) == SC_OK) {
            int16_t *back = malloc(2 * samples);
            sc_adpcm_decode(exact, back);
            free(back);
            accepted++;
        } else {
            refused++;
        }
        free(exact);
        free(piece);
    }
    printf("altered pieces: %zu decoded, %zu refused\n", accepted, refused);
    assert(accepted > 1000 && refused > 1000);
}

int main(void) {
    test_noise_keeps_20_db();
    test_tones_keep_30_db_at_every_level();
    test_jumps_stay_bounded();
    test_quiet_sound_is_without_loss();
    test_every_length_and_number_of_bits();
    test_damaged_pieces_are_refused_or_decoded_in_bounds();
    printf("adpcm: ok\n");
    return 0;
}
