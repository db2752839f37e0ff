// What a model's operators are and cost, for reports. Read from the file; no model is made.
#ifndef SC_COST_H
#define SC_COST_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"
#include "nn/scratch.h"
#include "nn/tflite_view.h"

typedef struct {
    const char *name; // as in the schema: "CONV_2D"
    int32_t dims;     // of its output
    int32_t shape[SC_TFLITE_MAX_DIMS];
    uint64_t macs;    // multiplications and, in pooling and mean, additions
    const char *run;  // the function that computes it
    uint32_t calls;   // of run in one sc_model_invoke: 0 where the plan saves a copy
} sc_cost_entry_t;

// Number of operators, of which the first `room` are written, in the order they run. 0 and a fault if the file is
// refused. scratch: as of sc_model_size.
size_t sc_cost_read(const void *file, size_t length, sc_cost_entry_t *out, size_t room,
                    const sc_scratch_t *scratch, sc_fault_t *fault);

#endif
