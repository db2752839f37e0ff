// Slots as microphones and converters deliver them -> int16 samples: one channel of each frame, left-justified and cut
// to 20 bits, then gain.h. Without its high-pass and gain the output is the upper 16 bits of the slot.
#ifndef SND_SLOTS_H
#define SND_SLOTS_H

#include "capture/gain.h"

// bits: 24 or 32 (signed, left-justified in 32-bit slots), 16 (signed, in 16-bit slots), 12 (unsigned, right-justified
// in 16-bit slots, as a converter's). Slots are little-endian.
typedef struct {
    int32_t bits;
    int32_t shift;
    int32_t channel;  // 0..channels - 1
    int32_t channels; // slots to a frame, 1 or 2
    int32_t dc_shift;
} snd_slots_settings_t;

typedef struct {
    snd_slots_settings_t settings;
    snd_gain_t gain;
} snd_slots_t;

extern const snd_slots_settings_t snd_slots_defaults;

// The caller gives the object. SND_OK, or why the settings are refused.
snd_err_t snd_slots_init(snd_slots_t *slots, const snd_slots_settings_t *settings);
void snd_slots_reset(snd_slots_t *slots);
// Bytes of one frame.
size_t snd_slots_frame_bytes(const snd_slots_t *slots);
// frames * frame_bytes bytes, at any address -> out, shape (frames,).
void snd_slots_convert(snd_slots_t *slots, const uint8_t *raw, size_t frames, int16_t *out);

#endif
