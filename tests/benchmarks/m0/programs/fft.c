// One real FFT of 512 points. Part: the samples, int16. Writes bins 0..256 as re, im, int32.
#include "device.h"
#include "frontend/fft.h"

enum { POINTS = 512, SCALE = 1 << 8 };

static sc_fft_complex_t z[POINTS / 2 + 1];

int main(void) {
    const int16_t *pcm = (const void *)device_part(0).data;
    for (uint32_t i = 0, place = 0; i < POINTS / 2; i++) {
        z[place] = (sc_fft_complex_t){SCALE * pcm[2 * i], SCALE * pcm[2 * i + 1]};
        place = sc_fft_next_place(place, POINTS / 2);
    }
    sc_fft_real(z, POINTS, 1);
    device_write(z, sizeof(z));
    return 0;
}
