// I2S words and pulse-density bits at the extremes, for the sanitizers; test_microphones.py tests what comes out.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "capture/pdm.h"
#include "capture/i2s_unpack.h"

static uint32_t seed = 1;

static uint8_t draw(void) {
    seed = seed * 1664525u + 1013904223u;
    return (uint8_t)(seed >> 24);
}

enum { SAMPLES = 5000 };
static uint8_t raw[SAMPLES * 8 + 1];
static int16_t out[SAMPLES], again[SAMPLES];

// All ones, all zeros, steps between them, noise.
static void fill(int kind) {
    for (size_t i = 0; i < sizeof(raw); i++) {
        raw[i] = kind == 0 ? 0xff : kind == 1 ? 0 : kind == 2 ? (uint8_t)(i >> 10 & 1 ? 0x7f : 0x80) : draw();
    }
}

static void check_unpack(const sc_i2s_unpack_settings_t *settings) {
    sc_i2s_unpack_t unpack;
    if (sc_i2s_unpack_init(&unpack, settings) != SC_OK) {
        return;
    }
    size_t frame = sc_i2s_unpack_frame_bytes(&unpack);
    for (int offset = 0; offset < 2; offset++) {
        sc_i2s_unpack_reset(&unpack);
        sc_i2s_unpack_convert(&unpack, raw + offset, SAMPLES, out);
        sc_i2s_unpack_reset(&unpack);
        for (size_t i = 0; i < SAMPLES; i++) {
            sc_i2s_unpack_convert(&unpack, raw + offset + i * frame, 1, &again[i]);
        }
        assert(memcmp(out, again, sizeof(out)) == 0);
        if (settings->bits > 16 && !settings->shift && !settings->dc_shift) {
            for (size_t i = 0; i < SAMPLES; i++) {
                const uint8_t *p = raw + offset + i * frame + 4 * (size_t)settings->channel;
                assert(out[i] == (int16_t)(p[2] | p[3] << 8));
            }
        }
    }
}

int main(void) {
    int accepted = 0;
    for (int kind = 0; kind < 4; kind++) {
        fill(kind);
        for (int bits = 8; bits <= 32; bits += 4) {
            for (int n = 0; n < 4; n++) {
                for (int shift = 0; shift <= 8; shift += 4) {
                    for (int dc = 0; dc <= 12; dc += 4) {
                        sc_i2s_unpack_settings_t s = {bits, shift, n >> 1, 1 + (n & 1), dc == 12 ? 11 : dc};
                        check_unpack(&s);
                        accepted++;
                    }
                }
            }
        }
        for (int shift = 0; shift <= 8; shift += 4) {
            for (int dc = 0; dc <= 11; dc += dc ? 7 : 4) {
                sc_pdm_settings_t s = {shift, dc};
                sc_pdm_t pdm;
                assert(sc_pdm_init(&pdm, &s) == SC_OK);
                sc_pdm_convert(&pdm, raw + 1, SAMPLES, out);
                sc_pdm_reset(&pdm);
                for (size_t i = 0; i < SAMPLES; i++) {
                    sc_pdm_convert(&pdm, raw + 1 + 8 * i, 1, &again[i]);
                }
                assert(memcmp(out, again, sizeof(out)) == 0);
                if (kind < 2 && !shift && !dc) {
                    assert(out[100] == (kind ? -32768 : 32767));
                }
            }
        }
    }
    sc_pdm_t pdm;
    sc_pdm_settings_t bad = {9, 0};
    assert(sc_pdm_init(&pdm, &bad) == SC_E_GAIN_SHIFT);
    printf("ok: %d settings\n", accepted);
    return 0;
}
