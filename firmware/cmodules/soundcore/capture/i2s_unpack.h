// Samples as microphones and converters deliver them -> int16: one channel of each frame, left-justified and cut
// to 20 bits, then gain.h. Without its high-pass and gain the output is the upper 16 bits of the slot.
#ifndef SC_I2S_UNPACK_H
#define SC_I2S_UNPACK_H

#include "capture/gain.h"

// bits: 24 or 32 (signed, left-justified in 32-bit slots), 16 (signed, in 16-bit slots), 12 (unsigned, right-justified
// in 16-bit slots, as a converter's). Slots are little-endian.
typedef struct {
    int32_t bits;
    int32_t shift;
    int32_t channel;  // 0..channels - 1
    int32_t channels; // slots to a frame, 1 or 2
    int32_t dc_shift;
} sc_i2s_unpack_settings_t;

typedef struct {
    sc_i2s_unpack_settings_t settings;
    sc_gain_t gain;
} sc_i2s_unpack_t;

extern const sc_i2s_unpack_settings_t sc_i2s_unpack_defaults;

// The caller gives the object. SC_OK, or why the settings are refused.
sc_err_t sc_i2s_unpack_init(sc_i2s_unpack_t *unpack, const sc_i2s_unpack_settings_t *settings);
void sc_i2s_unpack_reset(sc_i2s_unpack_t *unpack);
// Bytes of one frame.
size_t sc_i2s_unpack_frame_bytes(const sc_i2s_unpack_t *unpack);
// frames * frame_bytes bytes, at any address -> out, shape (frames,).
void sc_i2s_unpack_convert(sc_i2s_unpack_t *unpack, const uint8_t *raw, size_t frames, int16_t *out);

#endif
