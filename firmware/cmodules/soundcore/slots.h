// Slots as microphones and converters deliver them -> int16 samples: one channel of each frame, gain, no DC.
//
//   x    the slot's value, left-justified and cut to 20 bits
//   y    x - d >> dc_shift, with d += y            only if dc_shift > 0: a one-pole high-pass
//   out  y * 2^shift in units of 2^-15 of full scale, rounded down, saturated
//
// The high-pass loses 3 dB at rate_hz / (2 pi 2^dc_shift), within 1 %: 9.9 Hz at 16 kHz for dc_shift 8. Without it
// and with shift 0 the output is the upper 16 bits of the slot.
#ifndef SND_SLOTS_H
#define SND_SLOTS_H

#include "error.h"

// bits: 24 or 32 (signed, left-justified in 32-bit slots), 16 (signed, in 16-bit slots), 12 (unsigned, right-justified
// in 16-bit slots, as a converter's). Slots are little-endian.
typedef struct {
    int32_t bits;
    int32_t shift;    // 0..8, in steps of 6.02 dB
    int32_t channel;  // 0..channels - 1
    int32_t channels; // slots to a frame, 1 or 2
    int32_t dc_shift; // 0 or 4..11
} snd_slots_settings_t;

typedef struct {
    snd_slots_settings_t settings;
    int32_t dc; // d
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
