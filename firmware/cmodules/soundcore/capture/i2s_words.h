// The conversion of 32-bit slots, in assembler for ARMv6-M.
#ifndef SC_I2S_WORDS_H
#define SC_I2S_WORDS_H

#include "capture/gain.h"

// The native module, whose size counts, does without.
#if defined(__ARM_ARCH_6M__) && !defined(MICROPY_ENABLE_DYNRUNTIME)
#define SC_I2S_ASSEMBLER (1)
// fours: groups of four slots, `stride` bytes apart, 4 or 8, at addresses of words; at least 1.
void sc_i2s_words(const uint8_t *slots, int16_t *out, uint32_t fours, uint32_t stride, sc_gain_t *gain);
#else
#define SC_I2S_ASSEMBLER (0)
#endif

#endif
