#include "frontend/window.h"

#include <string.h>

#include "frontend/window_armv6m.h"
#include "hot.h"

// round(x * w / 2^(8 + shift)), in two 32-bit products: the high byte of x and the low one.
static inline int32_t windowed(int32_t x, int32_t w, uint32_t shift) {
    return ((x >> 8) * w + (((x & 255) * w) >> 8) + (1 << (shift - 1))) >> shift;
}

SC_HOT uint32_t sc_window_load(sc_fft_complex_t *z, const int16_t *x, const int32_t *hann, uint32_t window, uint32_t fft,
    uint32_t shift) {
#if SC_WINDOW_ASSEMBLER
    if (window == 512 && fft == 512) {
        sc_window_first_butterflies(z, x, hann);
        return 4;
    }
#endif
    uint32_t pairs = fft / 2;
    uint32_t place = 0;
    const int16_t *end = x + window;
    const int32_t *w = hann;
    const int32_t *top = w + (window / 2 + 1) / 2 * 2;
    if (window < fft) {
        memset(z, 0, pairs * sizeof(z[0]));
    }
    int32_t next = 1;
    for (; x < end; x += 2) {
        if (w == top) { // from here on the weight of a sample is that of its mirror image, window - i
            w = hann + (end - x);
            next = -1;
        }
        z[place].re = windowed(x[0], w[0], shift);
        z[place].im = windowed(x[1], w[next], shift);
        w += 2 * next;
        place = sc_fft_next_place(place, pairs);
    }
    return 1;
}
