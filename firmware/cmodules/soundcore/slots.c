#include "slots.h"

// 20 bits and 11 of the filter's state fit into 32.
#define X_BITS (20)

const snd_slots_settings_t snd_slots_defaults = {.bits = 32, .shift = 0, .channel = 0, .channels = 1, .dc_shift = 0};

snd_err_t snd_slots_init(snd_slots_t *slots, const snd_slots_settings_t *settings) {
    const snd_slots_settings_t *s = settings;
    if (s->bits != 12 && s->bits != 16 && s->bits != 24 && s->bits != 32) {
        return SND_E_SLOTS_BITS;
    }
    if (s->shift < 0 || s->shift > 8) {
        return SND_E_SLOTS_SHIFT;
    }
    if (s->channels < 1 || s->channels > 2 || s->channel < 0 || s->channel >= s->channels) {
        return SND_E_SLOTS_CHANNEL;
    }
    if (s->dc_shift != 0 && (s->dc_shift < 4 || s->dc_shift > 11)) {
        return SND_E_SLOTS_DC;
    }
    slots->settings = *s;
    slots->dc = 0;
    return SND_OK;
}

void snd_slots_reset(snd_slots_t *slots) {
    slots->dc = 0;
}

size_t snd_slots_frame_bytes(const snd_slots_t *slots) {
    return (size_t)slots->settings.channels * (slots->settings.bits > 16 ? 4u : 2u);
}

static int32_t slot(const uint8_t *p, int32_t bits) {
    if (bits > 16) {
        // The lowest byte of 32 lies below the 20 bits.
        uint32_t value = (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        return (int32_t)value >> (32 - X_BITS);
    }
    int32_t value = (int32_t)(p[0] | (uint32_t)p[1] << 8);
    if (bits == 16) {
        return (int32_t)(int16_t)value * (1 << (X_BITS - 16));
    }
    return (value - 2048) * (1 << (X_BITS - 12));
}

static int16_t saturate(int32_t value) {
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

void snd_slots_convert(snd_slots_t *slots, const uint8_t *raw, size_t frames, int16_t *out) {
    const snd_slots_settings_t s = slots->settings;
    size_t stride = snd_slots_frame_bytes(slots);
    const uint8_t *p = raw + (s.bits > 16 ? 4u : 2u) * (size_t)s.channel;
    int32_t dc = slots->dc;
    for (size_t i = 0; i < frames; i++, p += stride) {
        int32_t y = slot(p, s.bits);
        if (s.dc_shift) {
            y -= dc >> s.dc_shift;
            dc += y;
        }
        // Up to 21 bits and 8 of gain.
        out[i] = saturate((y * (1 << s.shift)) >> (X_BITS - 16));
    }
    slots->dc = dc;
}
