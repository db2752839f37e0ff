// Offsets of the arrays that lie behind an object's struct, in the one block of memory that it is given.
#ifndef SC_LAYOUT_H
#define SC_LAYOUT_H

#include <stddef.h>

// Returns the offset of an array, and moves `end` behind it; every array begins at a multiple of 8 bytes.
static inline size_t sc_layout_reserve(size_t *end, size_t bytes) {
    size_t at = *end;
    *end = at + ((bytes + 7) & ~(size_t)7);
    return at;
}

#endif
