// An INT8 .tflite run in place: weights stay in the file's bytes, tensors live in the caller's memory.
#ifndef SC_MODEL_H
#define SC_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"
#include "nn/scratch.h"

#define SC_MODEL_MAX_DIMS (4)

typedef struct sc_model sc_model_t;

typedef struct {
    int8_t *data;      // in the caller's memory, live
    size_t size;       // bytes
    int32_t dims;      // 0..SC_MODEL_MAX_DIMS
    int32_t shape[SC_MODEL_MAX_DIMS];
    float scale;
    int32_t zero_point;
} sc_model_tensor_t;

// file: at least 4-byte aligned, kept and read in place for the life of the object.
// Bytes of scratch that sc_model_size and sc_model_init need for a model of many tensors, free again after them; 0 for
// most models, and for a file that they refuse.
size_t sc_model_scratch(const void *file, size_t length);
// Bytes of memory the model needs, everything included; 0 and a fault if the file is refused. scratch: NULL for none.
size_t sc_model_size(const void *file, size_t length, const sc_scratch_t *scratch, sc_fault_t *fault);
// memory: 16-byte aligned. NULL and a fault if refused.
sc_model_t *sc_model_init(void *memory, size_t size, const void *file, size_t length, const sc_scratch_t *scratch,
                          sc_fault_t *fault);

size_t sc_model_inputs(const sc_model_t *m);
size_t sc_model_outputs(const sc_model_t *m);
// i below the count. Inputs keep their contents across invoke; no tensor shares memory with an input. Outputs keep
// theirs until the next invoke.
void sc_model_input(const sc_model_t *m, size_t i, sc_model_tensor_t *tensor);
void sc_model_output(const sc_model_t *m, size_t i, sc_model_tensor_t *tensor);
// Total bytes in use of the memory given at init.
size_t sc_model_arena_size(const sc_model_t *m);
// Work of one invoke: multiplications of the convolutions and dense layers, additions of pooling and mean.
uint64_t sc_model_macs(const sc_model_t *m);
// States that operators keep themselves, as at init; inputs and outputs stay.
void sc_model_reset(sc_model_t *m);
// Runs all operators. Nothing can fail after init.
void sc_model_invoke(sc_model_t *m);
// The metadata buffer of that name inside the file: pointer and length, NULL if absent (fault: SC_OK). Works
// without init.
const void *sc_model_metadata(const void *file, size_t length, const char *name, size_t *size, sc_fault_t *fault);

#endif
