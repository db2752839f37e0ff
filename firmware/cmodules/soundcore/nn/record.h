// Records: what operators run from. An operator's check fills in the numbers, its prepare the addresses; the loop only
// reads. Each op_*.c defines its own record, which begins with sc_record_t.
#ifndef SC_RECORD_H
#define SC_RECORD_H

#include <stdint.h>

#define SC_RECORD_MAX_BYTES (8 * sizeof(void *) + 64)

typedef struct {
    uint32_t bytes : 21; // to the next record
    uint32_t op : 8;     // row of sc_ops
    uint32_t axes : 3;   // 1..4 axes follow the record, in the operators that have them
    const int8_t *a;
    const int8_t *b;
    int8_t *out;
} sc_record_t;

// A loop of count steps through two tensors. A record's axes follow it, outermost first.
typedef struct {
    int32_t count;
    int32_t a_step;
    int32_t b_step; // of out in copies
} sc_axis_t;

// A record's axes, padded in front to four.
static inline void sc_record_axes(const void *behind, int32_t axes, sc_axis_t out[4]) {
    const sc_axis_t *axis = (const sc_axis_t *)behind;
    for (int32_t i = 0; i < 4; i++) {
        out[i] = i < 4 - axes ? (sc_axis_t){1, 0, 0} : axis[i - (4 - axes)];
    }
}

#endif
