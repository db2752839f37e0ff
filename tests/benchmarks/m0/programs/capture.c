// Samples from I2S. Parts: sc_i2s_unpack_settings_t, what the microphone delivers. Writes the samples.
#include "capture/i2s_unpack.h"
#include "device.h"

static int16_t samples[1 << 12];

int main(void) {
    part_t settings = device_part(0), raw = device_part(1);
    sc_i2s_unpack_t unpack;
    sc_err_t code = sc_i2s_unpack_init(&unpack, (const void *)settings.data);
    if (code != SC_OK) {
        return 10 + (int)code;
    }
    size_t count = raw.bytes / sc_i2s_unpack_frame_bytes(&unpack);
    if (count > sizeof(samples) / sizeof(samples[0])) {
        return 1;
    }
    sc_i2s_unpack_convert(&unpack, raw.data, count, samples);
    device_write(samples, count * sizeof(samples[0]));
    return 0;
}
