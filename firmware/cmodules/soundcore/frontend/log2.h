// Binary logarithm for the run loop: table and linear interpolation.
#ifndef SND_LOG2_H
#define SND_LOG2_H

#include <stdint.h>

// log2(x) in Q15, error below 0.0001. x > 0.
int32_t snd_log2_q15(uint32_t x);

#endif
