#include "log2.h"

// log2(1 + i / 64) in Q15.
static const uint16_t log2_table[65] = {
    0, 733, 1455, 2166, 2866, 3556, 4236, 4907, 5568, 6220, 6863, 7498, 8124, 8742, 9352, 9954,
    10549, 11136, 11716, 12289, 12855, 13415, 13968, 14514, 15055, 15589, 16117, 16639, 17156, 17667, 18173, 18673,
    19168, 19658, 20143, 20623, 21098, 21568, 22034, 22495, 22952, 23404, 23852, 24296, 24736, 25172, 25604, 26031,
    26455, 26876, 27292, 27705, 28114, 28520, 28922, 29321, 29717, 30109, 30498, 30884, 31267, 31647, 32024, 32397,
    32768,
};

int32_t snd_log2_q15(uint64_t x) {
    uint32_t y = (uint32_t)(x >> 32);
    int32_t whole = 63;
    if (y == 0) {
        y = (uint32_t)x;
        whole = 31;
        if (y == 0) {
            return 0;
        }
    } else {
        // Bring the low word's bits up as the top ones shift out below.
        uint32_t low = (uint32_t)x;
        while (!(y >> 31)) {
            y = (y << 1) | (low >> 31);
            low <<= 1;
            whole--;
        }
    }
    if (!(y >> 16)) {
        y <<= 16;
        whole -= 16;
    }
    if (!(y >> 24)) {
        y <<= 8;
        whole -= 8;
    }
    while (!(y >> 31)) {
        y <<= 1;
        whole--;
    }
    uint32_t i = (y >> 25) & 63;
    int32_t fraction = (int32_t)(y >> 10) & 0x7fff;
    int32_t low = log2_table[i];
    int32_t rise = (int32_t)log2_table[i + 1] - low;
    return whole * (1 << 15) + low + ((rise * fraction + (1 << 14)) >> 15);
}
