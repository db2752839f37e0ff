#include "capture/i2s_unpack.h"

#include "capture/i2s_words.h"

const sc_i2s_unpack_settings_t sc_i2s_unpack_defaults = {
    .bits = 32, .shift = 0, .channel = 0, .channels = 1, .dc_shift = 0,
};

sc_err_t sc_i2s_unpack_init(sc_i2s_unpack_t *unpack, const sc_i2s_unpack_settings_t *settings) {
    const sc_i2s_unpack_settings_t *s = settings;
    if (s->bits != 12 && s->bits != 16 && s->bits != 24 && s->bits != 32) {
        return SC_E_I2S_BITS;
    }
    if (s->channels < 1 || s->channels > 2 || s->channel < 0 || s->channel >= s->channels) {
        return SC_E_I2S_CHANNEL;
    }
    unpack->settings = *s;
    return sc_gain_init(&unpack->gain, s->shift, s->dc_shift);
}

void sc_i2s_unpack_reset(sc_i2s_unpack_t *unpack) {
    unpack->gain.dc = 0;
}

size_t sc_i2s_unpack_frame_bytes(const sc_i2s_unpack_t *unpack) {
    return (size_t)unpack->settings.channels * (unpack->settings.bits > 16 ? 4u : 2u);
}

static int32_t slot(const uint8_t *p, int32_t bits) {
    if (bits > 16) {
        // The lowest byte of 32 lies below the 20 bits.
        uint32_t value = (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        return (int32_t)value >> (32 - SC_GAIN_BITS);
    }
    uint32_t value = p[0] | (uint32_t)p[1] << 8;
    if (bits == 16) {
        return (int32_t)(int16_t)value * (1 << (SC_GAIN_BITS - 16));
    }
    return ((int32_t)(value & 4095) - 2048) * (1 << (SC_GAIN_BITS - 12));
}

void sc_i2s_unpack_convert(sc_i2s_unpack_t *unpack, const uint8_t *raw, size_t frames, int16_t *out) {
    const sc_i2s_unpack_settings_t *s = &unpack->settings;
    size_t stride = sc_i2s_unpack_frame_bytes(unpack);
    const uint8_t *p = raw + (s->bits > 16 ? 4u : 2u) * (size_t)s->channel;
#if SC_I2S_ASSEMBLER
    if (s->bits > 16 && frames >= 4 && !((uintptr_t)p & 3)) {
        size_t fours = frames / 4;
        sc_i2s_words(p, out, fours, stride, &unpack->gain);
        p += 4 * fours * stride;
        out += 4 * fours;
        frames &= 3;
    }
#endif
    sc_gain_t gain = unpack->gain;
    for (size_t i = 0; i < frames; i++, p += stride) {
        out[i] = sc_gain_apply(&gain, slot(p, s->bits));
    }
    unpack->gain = gain;
}
