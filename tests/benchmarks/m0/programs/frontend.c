// Frames of features. Parts: sc_frontend_settings_t, the samples. Writes the features of every frame.
#include <string.h>

#include "device.h"
#include "frontend/frontend.h"

static _Alignas(16) uint8_t memory[1 << 16];

int main(void) {
    part_t settings = device_part(0), sound = device_part(1);
    sc_fault_t fault;
    sc_frontend_t *frontend = sc_frontend_init(memory, sizeof(memory), (const void *)settings.data, &fault);
    if (!frontend) {
        return 10 + (int)fault.code;
    }
    const int16_t *pcm = (const void *)sound.data;
    for (size_t left = sound.bytes / 2; left;) {
        int8_t features[SC_FRONTEND_MAX_BANDS];
        int made;
        size_t taken = sc_frontend_push(frontend, pcm, left, features, &made);
        pcm += taken;
        left -= taken;
        if (made) {
            device_write(features, sc_frontend_width(frontend));
        }
    }
    return 0;
}
