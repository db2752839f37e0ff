// The frontend at full scale and at the edges of its settings; run under AddressSanitizer and UBSan, so that an
// overflow or a read past the caller's memory ends it.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"

static uint32_t lcg = 7;

static uint32_t draw(void) {
    lcg = lcg * 1664525u + 1013904223u;
    return lcg >> 8;
}

static const sc_frontend_settings_t grid[] = {
    {16000, 512, 256, 512, 40, 60, 7600, 0, -100, 400},
    {16000, 512, 256, 512, 40, 60, 7600, 13, -100, 400},
    {8000, 256, 64, 256, 1, 0, 4000, 0, -140, 50},
    {8000, 256, 256, 256, 128, 0, 4000, 40, -140, 50},
    {16000, 400, 160, 512, 64, 20, 8000, 0, 0, 20000},
    {44100, 1024, 1024, 1024, 128, 0, 22050, 40, -140, 50},
    {48000, 1024, 512, 1024, 128, 0, 24000, 0, -140, 50},
    {48000, 257, 64, 1024, 3, 23999, 24000, 3, -80, 1000},
    {4000, 513, 100, 1024, 128, 0, 1, 1, -120, 200},
    {22050, 1023, 511, 1024, 33, 100, 10000, 33, -100, 400},
};
#define GRID (sizeof(grid) / sizeof(grid[0]))

typedef struct {
    void *memory;
    sc_frontend_t *frontend;
    size_t width;
} object_t;

// Exactly the memory asked for, full of rubbish.
static object_t make(const sc_frontend_settings_t *settings) {
    object_t o;
    sc_fault_t fault;
    size_t size = sc_frontend_size(settings, &fault);
    assert(size && fault.code == SC_OK);
    o.memory = malloc(size);
    memset(o.memory, 0xa5, size);
    o.frontend = sc_frontend_init(o.memory, size, settings, &fault);
    assert(o.frontend && fault.code == SC_OK);
    o.width = sc_frontend_width(o.frontend);
    return o;
}

// Feeds n samples in pieces of at most `piece` and returns the frames, checked against frames_after.
static size_t feed(object_t o, const int16_t *pcm, size_t n, size_t piece, int8_t *out) {
    size_t expected = sc_frontend_frames_after(o.frontend, n);
    size_t frames = 0;
    while (n) {
        size_t give = piece < n ? piece : n;
        int made = -1;
        size_t taken = sc_frontend_push(o.frontend, pcm, give, out + frames * o.width, &made);
        assert(taken > 0 && taken <= give && (made == 0 || made == 1));
        frames += (size_t)made;
        pcm += taken;
        n -= taken;
    }
    assert(frames == expected);
    return frames;
}

#define SAMPLES (6000)

static void fill(int16_t *pcm, int kind) {
    for (int i = 0; i < SAMPLES; i++) {
        switch (kind) {
            case 0: pcm[i] = -32768; break;
            case 1: pcm[i] = 32767; break;
            case 2: pcm[i] = i & 1 ? -32768 : 32767; break;
            case 3: pcm[i] = (int16_t)(draw() & 0xffff); break;
            case 4: pcm[i] = draw() & 1 ? -32768 : 32767; break;
            case 5: pcm[i] = 0; break;
            case 6: pcm[i] = i % 1000 ? 0 : -32768; break;
            case 7: pcm[i] = draw() & 1 ? -1 : 0; break;
            default: pcm[i] = i / (kind - 6) & 1 ? -32768 : 32767; break; // square waves
        }
    }
}

static void test_full_scale_and_silence(void) {
    int16_t *pcm = malloc(SAMPLES * sizeof(*pcm));
    int8_t *out = malloc(SAMPLES / 64 * 128);
    for (size_t g = 0; g < GRID; g++) {
        object_t o = make(&grid[g]);
        for (int kind = 0; kind < 80; kind++) {
            fill(pcm, kind);
            sc_frontend_reset(o.frontend);
            size_t frames = feed(o, pcm, SAMPLES, SAMPLES, out);
            assert(frames > 0);
            for (size_t i = 0; kind == 5 && i < frames * o.width; i++) {
                assert(out[i] == (grid[g].coefficients && i % o.width ? 0 : -128)); // silence
            }
        }
        free(o.memory);
    }
    // A full-scale wave of 64 samples a period at a bin centre is the loudest: 0 dB and its bell, +4/pi for a square.
    object_t o = make(&grid[0]);
    fill(pcm, 6 + 32);
    feed(o, pcm, SAMPLES, SAMPLES, out);
    int loudest = -128;
    for (size_t b = 0; b < o.width; b++) {
        loudest = out[b] > loudest ? out[b] : loudest;
    }
    assert(loudest >= 122 && loudest <= 127);
    free(o.memory);
    free(out);
    free(pcm);
}

static void test_any_pieces_give_the_same_frames(void) {
    int16_t *pcm = malloc(SAMPLES * sizeof(*pcm));
    int8_t *whole = malloc(SAMPLES / 64 * 128);
    int8_t *parts = malloc(SAMPLES / 64 * 128);
    static const size_t pieces[] = {1, 2, 63, 64, 255, 256, 257, 511, 1000, 4096};
    for (size_t g = 0; g < GRID; g++) {
        fill(pcm, 3);
        object_t a = make(&grid[g]);
        size_t frames = feed(a, pcm, SAMPLES, SAMPLES, whole);
        for (size_t p = 0; p < sizeof(pieces) / sizeof(pieces[0]); p++) {
            object_t b = make(&grid[g]);
            assert(feed(b, pcm, SAMPLES, pieces[p], parts) == frames);
            assert(!memcmp(whole, parts, frames * a.width));
            // An object after reset is like a new one.
            sc_frontend_reset(b.frontend);
            assert(sc_frontend_frames_after(b.frontend, (size_t)grid[g].window - 1) == 0);
            assert(sc_frontend_frames_after(b.frontend, (size_t)grid[g].window) == 1);
            assert(feed(b, pcm, SAMPLES, 1 + draw() % 700, parts) == frames);
            assert(!memcmp(whole, parts, frames * a.width));
            free(b.memory);
        }
        free(a.memory);
    }
    free(parts);
    free(whole);
    free(pcm);
}

static void refused(sc_frontend_settings_t s, sc_err_t code) {
    static uint64_t memory[4096];
    sc_fault_t fault = {SC_OK, 0, 0, 0};
    assert(sc_frontend_size(&s, &fault) == 0 && fault.code == code && fault.op == -1 && fault.tensor == -1);
    fault.code = SC_OK;
    assert(!sc_frontend_init(memory, sizeof(memory), &s, &fault) && fault.code == code);
    assert(sc_frontend_size(&s, NULL) == 0);
}

static sc_frontend_settings_t changed(size_t offset, int32_t value) {
    sc_frontend_settings_t s = sc_frontend_defaults;
    memcpy((char *)&s + offset, &value, sizeof(value));
    return s;
}

#define REFUSED(field, value, code) refused(changed(offsetof(sc_frontend_settings_t, field), value), code)

static void test_each_bad_setting_has_its_code(void) {
    static const int32_t extremes[] = {INT32_MIN, -1, INT32_MAX};
    for (int i = 0; i < 3; i++) {
        REFUSED(rate_hz, extremes[i], SC_E_FRONTEND_RATE);
        REFUSED(window, extremes[i], SC_E_FRONTEND_WINDOW);
        REFUSED(hop, extremes[i], SC_E_FRONTEND_HOP);
        REFUSED(fft, extremes[i], SC_E_FRONTEND_FFT);
        REFUSED(bands, extremes[i], SC_E_FRONTEND_BANDS);
        REFUSED(low_hz, extremes[i], SC_E_FRONTEND_RANGE);
        REFUSED(high_hz, extremes[i], SC_E_FRONTEND_RANGE);
        REFUSED(coefficients, extremes[i], SC_E_FRONTEND_MFCC);
        REFUSED(step_mdb, extremes[i], SC_E_FRONTEND_SCALE);
    }
    REFUSED(rate_hz, 3999, SC_E_FRONTEND_RATE);
    REFUSED(rate_hz, 48001, SC_E_FRONTEND_RATE);
    REFUSED(window, 255, SC_E_FRONTEND_WINDOW);
    REFUSED(window, 513, SC_E_FRONTEND_WINDOW); // above fft
    REFUSED(hop, 63, SC_E_FRONTEND_HOP);
    REFUSED(hop, 513, SC_E_FRONTEND_HOP); // above window
    REFUSED(fft, 500, SC_E_FRONTEND_FFT);
    REFUSED(fft, 2048, SC_E_FRONTEND_FFT);
    REFUSED(bands, 0, SC_E_FRONTEND_BANDS);
    REFUSED(bands, 129, SC_E_FRONTEND_BANDS);
    REFUSED(low_hz, 7600, SC_E_FRONTEND_RANGE); // not below high_hz
    REFUSED(high_hz, 8001, SC_E_FRONTEND_RANGE);
    REFUSED(coefficients, 41, SC_E_FRONTEND_MFCC);
    REFUSED(floor_db, -141, SC_E_FRONTEND_SCALE);
    REFUSED(floor_db, 1, SC_E_FRONTEND_SCALE);
    REFUSED(step_mdb, 49, SC_E_FRONTEND_SCALE);
    REFUSED(step_mdb, 20001, SC_E_FRONTEND_SCALE);
    sc_frontend_settings_t s = sc_frontend_defaults;
    s.bands = 12;
    s.coefficients = 13;
    refused(s, SC_E_FRONTEND_MFCC);
}

static void test_memory_must_be_enough_and_aligned(void) {
    sc_fault_t fault;
    size_t size = sc_frontend_size(&sc_frontend_defaults, &fault);
    assert(size <= 6144);
    char *memory = malloc(size + 8);
    assert(!sc_frontend_init(memory, size - 1, &sc_frontend_defaults, &fault) && fault.code == SC_E_MEMORY);
    assert(!sc_frontend_init(memory + 4, size, &sc_frontend_defaults, &fault) && fault.code == SC_E_MEMORY);
    assert(!sc_frontend_init(NULL, size, &sc_frontend_defaults, &fault) && fault.code == SC_E_MEMORY);
    sc_frontend_t *f = sc_frontend_init(memory, size, &sc_frontend_defaults, NULL);
    assert(f && sc_frontend_width(f) == 40);
    // No sum that could wrap, and nothing taken when nothing is given.
    int made = -1;
    int8_t out[40];
    assert(sc_frontend_frames_after(f, SIZE_MAX) == 1 + (SIZE_MAX - 512) / 256);
    assert(sc_frontend_push(f, NULL, 0, out, &made) == 0 && made == 0);
    free(memory);
}

// Random settings, all that are accepted: no band without bins, no index outside.
static void test_random_settings(void) {
    static const int32_t ffts[] = {256, 512, 1024};
    int16_t *pcm = malloc(SAMPLES * sizeof(*pcm));
    int8_t *out = malloc(SAMPLES / 64 * 128);
    for (int i = 0; i < 300; i++) {
        sc_frontend_settings_t s;
        s.rate_hz = 4000 + (int32_t)(draw() % 44001);
        s.fft = ffts[draw() % 3];
        s.window = 256 + (int32_t)(draw() % (uint32_t)(s.fft - 255));
        s.hop = 64 + (int32_t)(draw() % (uint32_t)(s.window - 63));
        s.bands = 1 + (int32_t)(draw() % 128);
        s.low_hz = (int32_t)(draw() % (uint32_t)(s.rate_hz / 2));
        s.high_hz = s.low_hz + 1 + (int32_t)(draw() % (uint32_t)(s.rate_hz / 2 - s.low_hz));
        int32_t most = s.bands < 40 ? s.bands : 40;
        s.coefficients = draw() & 1 ? (int32_t)(draw() % (uint32_t)(most + 1)) : 0;
        s.floor_db = draw() % 3 ? -(int32_t)(draw() % 141) : -140;
        s.step_mdb = 50 + (int32_t)(draw() % 1000);
        object_t o = make(&s);
        assert(o.width == (size_t)(s.coefficients ? s.coefficients : s.bands));
        for (int kind = 2; kind < 5; kind++) {
            fill(pcm, kind);
            assert(feed(o, pcm, SAMPLES, SAMPLES, out) >= (SAMPLES - 1024) / 1024);
        }
        // White noise at full scale leaves no band at the floor of -140 dB.
        if (s.floor_db == -140 && !s.coefficients) {
            for (size_t b = 0; b < o.width; b++) {
                assert(out[b] > -128);
            }
        }
        free(o.memory);
    }
    free(out);
    free(pcm);
}

int main(void) {
    test_full_scale_and_silence();
    test_any_pieces_give_the_same_frames();
    test_each_bad_setting_has_its_code();
    test_memory_must_be_enough_and_aligned();
    test_random_settings();
    puts("frontend: ok");
    return 0;
}
