// Memory that a large model needs while it is made, and not any longer.
#ifndef SC_SCRATCH_H
#define SC_SCRATCH_H

#include <stddef.h>

typedef struct {
    void *memory; // 4-byte aligned, the caller's; NULL where the size is 0
    size_t size;
} sc_scratch_t;

#endif
