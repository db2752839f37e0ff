// Binary logarithm for the run loop: table and linear interpolation.
#ifndef SC_LOG2_H
#define SC_LOG2_H

#include <stdint.h>

// log2(x) in Q15, error below 0.0001. x > 0.
int32_t sc_log2_q15(uint32_t x);

#endif
