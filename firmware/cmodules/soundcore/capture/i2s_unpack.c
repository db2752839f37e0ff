#include "capture/i2s_unpack.h"

const snd_slots_settings_t snd_slots_defaults = {.bits = 32, .shift = 0, .channel = 0, .channels = 1, .dc_shift = 0};

snd_err_t snd_slots_init(snd_slots_t *slots, const snd_slots_settings_t *settings) {
    const snd_slots_settings_t *s = settings;
    if (s->bits != 12 && s->bits != 16 && s->bits != 24 && s->bits != 32) {
        return SND_E_SLOTS_BITS;
    }
    if (s->channels < 1 || s->channels > 2 || s->channel < 0 || s->channel >= s->channels) {
        return SND_E_SLOTS_CHANNEL;
    }
    slots->settings = *s;
    return snd_gain_init(&slots->gain, s->shift, s->dc_shift);
}

void snd_slots_reset(snd_slots_t *slots) {
    slots->gain.dc = 0;
}

size_t snd_slots_frame_bytes(const snd_slots_t *slots) {
    return (size_t)slots->settings.channels * (slots->settings.bits > 16 ? 4u : 2u);
}

static int32_t slot(const uint8_t *p, int32_t bits) {
    if (bits > 16) {
        // The lowest byte of 32 lies below the 20 bits.
        uint32_t value = (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        return (int32_t)value >> (32 - SND_GAIN_BITS);
    }
    uint32_t value = p[0] | (uint32_t)p[1] << 8;
    if (bits == 16) {
        return (int32_t)(int16_t)value * (1 << (SND_GAIN_BITS - 16));
    }
    return ((int32_t)(value & 4095) - 2048) * (1 << (SND_GAIN_BITS - 12));
}

void snd_slots_convert(snd_slots_t *slots, const uint8_t *raw, size_t frames, int16_t *out) {
    const snd_slots_settings_t *s = &slots->settings;
    size_t stride = snd_slots_frame_bytes(slots);
    const uint8_t *p = raw + (s->bits > 16 ? 4u : 2u) * (size_t)s->channel;
    snd_gain_t gain = slots->gain;
    for (size_t i = 0; i < frames; i++, p += stride) {
        out[i] = snd_gain_apply(&gain, slot(p, s->bits));
    }
    slots->gain = gain;
}
