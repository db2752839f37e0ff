// The path of a frame: samples * Hann (window.c) -> fft.c -> mel.c -> log2.c -> int8, or dct.c -> int8.
//
// Scales: samples times window, rounded to 2^5 per sample unit for windows of 513..1024 samples, 2^6 for 257..512, 2^7
// for 256. A Hann window adds up to half its length: so the sum of |x| into the FFT is at most 2^29, as fft.c requires.
// A full-scale sine at a bin centre gives |X| = 2^15 * 2^(5..7) * window / 4: 0 dB.
#include "frontend/frontend.h"

#include <stdbool.h>
#include <string.h>

#include "frontend/dct.h"
#include "frontend/fft.h"
#include "frontend/fixed.h"
#include "layout.h"
#include "frontend/mel.h"
#include "frontend/window.h"

#define LOG2_TEN_TENTH_Q24 (5573271) // log2(10) / 10: log2 of power per dB
#define DCT_SHIFT (6)                // Q15 levels to the 15 bits dct.c takes, Q9

const sc_frontend_settings_t sc_frontend_defaults = {16000, 512, 256, 512, 40, 60, 7600, 0, -100, 400};

struct sc_frontend {
    uint16_t window;
    uint16_t hop;
    uint16_t fft;
    uint16_t bands;
    uint16_t coefficients;
    uint16_t filled;           // samples held, below window between calls
    uint16_t window_shift;     // 8..10
    int32_t floor_log2;        // log2 of the band sum that becomes the lowest value, Q15; above 0
    sc_fixed_factor_t scale;   // int8 steps per unit of log2
    sc_fft_complex_t *bins;    // (fft / 2 + 1); then their powers and the levels
    sc_mel_band_t *mel;        // (bands)
    uint16_t *mel_weights;
    int32_t *hann;             // (window / 2 + 2), the rising half in Q23: 16 bits would lift what is at -100 dB
    int16_t *samples;          // (window), and a 0 that makes odd windows even
    sc_dct_t dct;
};

// Offsets of the arrays behind the struct.
typedef struct {
    size_t bins, mel, mel_weights, hann, cosine, samples, end;
} layout_t;

static bool between(int32_t low, int32_t x, int32_t high) {
    return low <= x && x <= high;
}

static int check(const sc_frontend_settings_t *s, sc_fault_t *fault) {
    if (!between(4000, s->rate_hz, 48000)) {
        return sc_error_fail(fault, SC_E_FRONTEND_RATE);
    }
    if (s->fft != 256 && s->fft != 512 && s->fft != 1024) {
        return sc_error_fail(fault, SC_E_FRONTEND_FFT);
    }
    if (!between(256, s->window, s->fft)) {
        return sc_error_fail(fault, SC_E_FRONTEND_WINDOW);
    }
    if (!between(64, s->hop, s->window)) {
        return sc_error_fail(fault, SC_E_FRONTEND_HOP);
    }
    if (!between(1, s->bands, SC_FRONTEND_MAX_BANDS)) {
        return sc_error_fail(fault, SC_E_FRONTEND_BANDS);
    }
    if (s->low_hz < 0 || s->low_hz >= s->high_hz || s->high_hz > s->rate_hz / 2) {
        return sc_error_fail(fault, SC_E_FRONTEND_RANGE);
    }
    if (!between(0, s->coefficients, SC_FRONTEND_MAX_COEFFICIENTS) || s->coefficients > s->bands) {
        return sc_error_fail(fault, SC_E_FRONTEND_MFCC);
    }
    if (!between(-140, s->floor_db, 0) || !between(50, s->step_mdb, 20000)) {
        return sc_error_fail(fault, SC_E_FRONTEND_SCALE);
    }
    sc_error_fail(fault, SC_OK);
    return 1;
}

static layout_t plan(const sc_frontend_settings_t *s) {
    layout_t l;
    size_t bands = (size_t)s->bands;
    bool mfcc = s->coefficients > 0;
    l.end = 0;
    sc_layout_reserve(&l.end, sizeof(sc_frontend_t));
    l.bins = sc_layout_reserve(&l.end, ((size_t)s->fft / 2 + 1) * sizeof(sc_fft_complex_t));
    l.mel = sc_layout_reserve(&l.end, bands * sizeof(sc_mel_band_t));
    l.mel_weights = sc_layout_reserve(&l.end, sc_mel_count(s) * sizeof(uint16_t));
    l.hann = sc_layout_reserve(&l.end, ((size_t)s->window / 2 + 2) * sizeof(int32_t));
    l.cosine = sc_layout_reserve(&l.end, mfcc ? (bands + 1) * sizeof(uint16_t) : 0);
    l.samples = sc_layout_reserve(&l.end, ((size_t)s->window + 1) * sizeof(int16_t));
    return l;
}

size_t sc_frontend_size(const sc_frontend_settings_t *settings, sc_fault_t *fault) {
    return check(settings, fault) ? plan(settings).end : 0;
}

// Periodic Hann: w[i] = sin^2(pi i / window), i = 0..ceil(window / 2).
static void fill_hann(int32_t *hann, uint32_t window) {
    for (uint32_t i = 0; i <= (window + 1) / 2; i++) {
        int64_t s = sc_fixed_sin(2 * i <= window ? 2 * i : 2 * (window - i), window); // Q30
        hann[i] = (int32_t)((s * s + ((int64_t)1 << 36)) >> 37);
    }
}

sc_frontend_t *sc_frontend_init(void *memory, size_t size, const sc_frontend_settings_t *settings,
    sc_fault_t *fault) {
    if (!check(settings, fault)) {
        return NULL;
    }
    layout_t l = plan(settings);
    if (!memory || ((uintptr_t)memory & 7) || size < l.end) {
        sc_error_fail(fault, SC_E_MEMORY);
        return NULL;
    }
    uint8_t *base = memory;
    sc_frontend_t *f = memory;
    memset(f, 0, sizeof(*f));
    f->window = (uint16_t)settings->window;
    f->hop = (uint16_t)settings->hop;
    f->fft = (uint16_t)settings->fft;
    f->bands = (uint16_t)settings->bands;
    f->coefficients = (uint16_t)settings->coefficients;
    f->bins = (sc_fft_complex_t *)(base + l.bins);
    f->mel = (sc_mel_band_t *)(base + l.mel);
    f->mel_weights = (uint16_t *)(base + l.mel_weights);
    f->hann = (int32_t *)(base + l.hann);
    f->samples = (int16_t *)(base + l.samples);

    f->window_shift = f->window > 512 ? 10 : f->window > 256 ? 9 : 8;
    fill_hann(f->hann, f->window);
    f->samples[f->window] = 0;
    sc_mel_init(settings, f->mel, f->mel_weights);
    // The square of 2^(28 - window_shift) * window, then floor_db below it.
    int32_t zero_db = 2 * ((28 - f->window_shift) * (1 << 24) + sc_fixed_log2(f->window));
    int32_t floor_q24 = zero_db + settings->floor_db * LOG2_TEN_TENTH_Q24;
    f->floor_log2 = (floor_q24 + (1 << 8)) >> 9;
    // A doubling of power is 10 log10(2) = 3.0103 dB.
    int32_t log2_steps = sc_fixed_log2(3010300) - sc_fixed_log2((uint32_t)settings->step_mdb * 1000);
    f->scale = sc_fixed_factor(log2_steps);
    if (f->coefficients) {
        int32_t log2_unit = log2_steps - (15 - DCT_SHIFT) * (1 << 24);
        sc_dct_init(&f->dct, f->bands, f->coefficients, log2_unit, (uint16_t *)(base + l.cosine));
    }
    return f;
}

void sc_frontend_reset(sc_frontend_t *f) {
    f->filled = 0;
}

size_t sc_frontend_width(const sc_frontend_t *f) {
    return f->coefficients ? f->coefficients : f->bands;
}

size_t sc_frontend_frames_after(const sc_frontend_t *f, size_t n) {
    size_t missing = (size_t)(f->window - f->filled);
    return n < missing ? 0 : 1 + (n - missing) / f->hop;
}

size_t sc_frontend_needed(const sc_frontend_t *f) {
    return (size_t)(f->window - f->filled);
}

static void make_frame(sc_frontend_t *f, int8_t *out) {
    uint32_t length = sc_window_load(f->bins, f->samples, f->hann, f->window, f->fft, f->window_shift);
    sc_fft_real(f->bins, f->fft, length);
    // Powers take half of the bins' memory, and levels some of the other half.
    uint32_t *powers = (uint32_t *)f->bins;
    int32_t *levels = (int32_t *)f->bins + f->fft / 2u + 1;
    uint32_t bands = f->bands;
    uint32_t first = f->mel[0].first;
    sc_mel_square(f->bins + first, powers + first, f->mel[bands - 1].first + f->mel[bands - 1].count - first);
    sc_mel_levels(powers, f->mel, f->mel_weights, bands, levels);
    int32_t floor = f->floor_log2;
    if (f->coefficients) {
        for (uint32_t b = 0; b < bands; b++) {
            int32_t above = levels[b] - floor;
            levels[b] = above > 0 ? (above + (1 << (DCT_SHIFT - 1))) >> DCT_SHIFT : 0;
        }
        sc_dct_run(&f->dct, levels, out);
    } else {
        int32_t mantissa = f->scale.mantissa;
        int32_t shift = 15 - f->scale.exponent; // 9..17 for the steps allowed
        for (uint32_t b = 0; b < bands; b++) {
            int32_t above = levels[b] - floor;
            above = above > 0 ? above : 0;
            int32_t q = (sc_fixed_mul_q15(above, mantissa) + (1 << (shift - 1))) >> shift;
            out[b] = (int8_t)(q > 255 ? 127 : q - 128);
        }
    }
}

size_t sc_frontend_push(sc_frontend_t *f, const int16_t *pcm, size_t n, int8_t *out, int *made) {
    size_t missing = (size_t)(f->window - f->filled);
    size_t taken = n < missing ? n : missing;
    if (taken) {
        memcpy(f->samples + f->filled, pcm, taken * sizeof(int16_t));
    }
    f->filled = (uint16_t)(f->filled + taken);
    *made = f->filled == f->window;
    if (*made) {
        make_frame(f, out);
        f->filled = (uint16_t)(f->window - f->hop);
        memmove(f->samples, f->samples + f->hop, f->filled * sizeof(int16_t));
    }
    return taken;
}
