// The loops of mel.c, which are in assembler for ARMv6-M.
#ifndef SC_MEL_SUMS_H
#define SC_MEL_SUMS_H

#include "frontend/mel.h"

#if defined(__ARM_ARCH_6M__)
#define SC_MEL_ASSEMBLER (1)
// The sum of |X|^2 * weight, and in the upper word the exponent of its unit.
uint64_t sc_mel_sum(const uint32_t *powers, const uint16_t *weights, uint32_t count);
#else
#define SC_MEL_ASSEMBLER (0)
#endif

#endif
