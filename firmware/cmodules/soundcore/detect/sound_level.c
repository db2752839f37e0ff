#include "detect/sound_level.h"

#include <string.h>
#include "detect/probability.h"

#define MOST (1 << 14) // squares in a sum, which so stays below 2^30; then all are halved

void sc_sound_level_init(sc_sound_level_t *l) {
    memset(l, 0, sizeof(*l));
    l->random = 1;
}

void sc_sound_level_add(sc_sound_level_t *l, const int16_t *pcm, size_t n) {
    size_t i = l->next;
    while (i < n) {
        int32_t x = pcm[i] > -32768 ? pcm[i] : -32767, square = x * x;
        l->high += square >> 15;
        l->low += square & 32767;
        if (++l->count == MOST) {
            l->high >>= 1;
            l->low >>= 1;
            l->count >>= 1;
        }
        l->random = (l->random * 1229 + 1) & 4095; // all of the 4096 states in turn
        i += 1 + (l->random >> 5);
    }
    l->next = i - n;
}

int32_t sc_sound_level_read(sc_sound_level_t *l) {
    int64_t total = ((int64_t)l->high << 15) + l->low;
    int32_t count = l->count;
    l->high = l->low = l->count = 0;
    if (total == 0) {
        return SC_SILENCE;
    }
    // Mean square in Q16 against that of a full-scale sine, 2^29: 10 dB per decade is 3.0103 dB per octave.
    uint64_t mean = sc_divide_short((uint64_t)total << 16, (uint32_t)count);
    int32_t octaves = sc_log2_q16(mean ? mean : 1) - (45 << 16);
    // Thousandths of 1/65536 of a tenth of a dB, made positive by 4096 tenths for the division.
    int64_t scaled = (int64_t)octaves * 30103 + 32768000 + ((int64_t)1000 << 28);
    int32_t level = (int32_t)(sc_divide_short((uint64_t)scaled, 1000) >> 16) - 4096;
    return level > SC_SILENCE ? level : SC_SILENCE;
}
