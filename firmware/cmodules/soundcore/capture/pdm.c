#include "capture/pdm.h"

#define WORD_BITS (32)

const sc_pdm_settings_t sc_pdm_defaults = {.shift = 0, .dc_shift = 0};

// Half of the symmetric filter, in 2^-15. By least squares over 2000 frequencies up to half of 32 kHz: 1 / CIC up to
// 7 kHz, and 0, weighed 8 times, from 9 kHz on. The sum of magnitudes of all taps is 2.49.
static const int16_t taps[SC_PDM_TAPS / 2] = {
    -8, 7, 33, 1, -66, -14, 113, 39, -179, -80, 267, 144, -381, -238, 529, 375, -719, -577, 970, 880, -1314, -1372, 1829,
    2286, -2714, -4567, 4557, 16591,
};

// What the eight bits of a byte add to four integrators in a row, each fed with the new value of the one before: bit j of
// 8, counted from the newest, adds C(j + k, k) to integrator k. Packed: 4, 6, 7 and 9 bits.
#define BIT(byte, j, c1, c2, c3) \
    (((uint32_t)(byte) >> (j) & 1u) * (1u | (uint32_t)(c1) << 4 | (uint32_t)(c2) << 10 | (uint32_t)(c3) << 17))
#define B1(b) \
    (BIT(b, 0, 1, 1, 1) + BIT(b, 1, 2, 3, 4) + BIT(b, 2, 3, 6, 10) + BIT(b, 3, 4, 10, 20) + BIT(b, 4, 5, 15, 35) \
     + BIT(b, 5, 6, 21, 56) + BIT(b, 6, 7, 28, 84) + BIT(b, 7, 8, 36, 120))
#define B2(b) B1(b), B1((b) + 1)
#define B4(b) B2(b), B2((b) + 2)
#define B8(b) B4(b), B4((b) + 4)
#define B16(b) B8(b), B8((b) + 8)
#define B32(b) B16(b), B16((b) + 16)
#define B64(b) B32(b), B32((b) + 32)
#define B128(b) B64(b), B64((b) + 64)
static const uint32_t byte_sums[256] = {B128(0), B128(128)};

sc_err_t sc_pdm_init(sc_pdm_t *pdm, const sc_pdm_settings_t *settings) {
    sc_err_t code = sc_gain_init(&pdm->gain, settings->shift, settings->dc_shift);
    if (code == SC_OK) {
        sc_pdm_reset(pdm);
    }
    return code;
}

void sc_pdm_reset(sc_pdm_t *pdm) {
    pdm->gain.dc = 0;
    for (int i = 0; i < 4; i++) {
        pdm->sums[i] = 0;
        pdm->before[i] = 0;
    }
    for (int i = 0; i < 2 * SC_PDM_TAPS; i++) {
        pdm->line[i] = 0;
    }
    pdm->at = 0;
}

// One word -> the CIC's output of 15 bits, at twice the output rate.
static int32_t decimate(sc_pdm_t *pdm, const uint8_t *word) {
    uint32_t a = pdm->sums[0], b = pdm->sums[1], c = pdm->sums[2], d = pdm->sums[3];
    for (int i = 3; i >= 0; i--) {
        uint32_t s = byte_sums[word[i]];
        d += (c << 3) + 36u * b + 120u * a + (s >> 17);
        c += (b << 3) + 36u * a + (s >> 10 & 127u);
        b += (a << 3) + (s >> 4 & 63u);
        a += s & 15u;
    }
    pdm->sums[0] = a;
    pdm->sums[1] = b;
    pdm->sums[2] = c;
    pdm->sums[3] = d;
    for (int i = 0; i < 4; i++) {
        uint32_t before = pdm->before[i];
        pdm->before[i] = d;
        d -= before;
    }
    // Bits of 0 and 1 give 0 … 2^20; as -1 and 1 they would give twice that, less 2^20.
    return (2 * (int32_t)d - (1 << 20)) >> 6;
}

static void put(sc_pdm_t *pdm, int32_t value) {
    uint32_t at = pdm->at;
    pdm->line[at] = pdm->line[at + SC_PDM_TAPS] = (int16_t)value;
    pdm->at = at + 1 == SC_PDM_TAPS ? 0 : at + 1;
}

static int32_t filter(const sc_pdm_t *pdm) {
    const int16_t *first = pdm->line + pdm->at;
    const int16_t *last = first + SC_PDM_TAPS - 1;
    int32_t sum = 0;
    for (int i = 0; i < SC_PDM_TAPS / 2; i++) {
        sum += (*first++ + *last--) * taps[i];
    }
    // 14 bits and sign times 2.49 in 2^15 stay below 2^31.
    sum >>= 10;
    int32_t most = (1 << (SC_GAIN_BITS - 1)) - 1;
    return sum > most ? most : sum < -most ? -most : sum;
}

void sc_pdm_convert(sc_pdm_t *pdm, const uint8_t *raw, size_t samples, int16_t *out) {
    for (size_t i = 0; i < samples; i++, raw += SC_PDM_BYTES) {
        put(pdm, decimate(pdm, raw));
        put(pdm, decimate(pdm, raw + 4));
        out[i] = sc_gain_apply(&pdm->gain, filter(pdm));
    }
}
