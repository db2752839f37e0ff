// Writes the operators' records into the model's memory.
#ifndef SC_PREPARE_H
#define SC_PREPARE_H

#include "nn/checks.h"
#include "nn/plan.h"

typedef struct {
    uint8_t *memory;  // the model's; NULL, as from its end on: nothing is written, only counted
    size_t size;      // of memory
    size_t used;      // of memory, or what would be
    uint32_t records; // written so far
    uint8_t *arena;
    sc_tflite_t *view;
    const sc_plan_t *plan;
    sc_fault_t *fault;
} sc_prepare_t;

// Checks all operators and prepares them. 0 and a fault if one is refused.
int sc_prepare_operators(sc_prepare_t *p);

// For the prepares in op_*.c. Zeros, 4-byte aligned at least; NULL while counting, which can begin between two of them.
void *sc_prepare_take(sc_prepare_t *p, size_t bytes, size_t align);
// The address of a tensor (-1 - operator: its scratch).
int8_t *sc_prepare_writable(const sc_prepare_t *p, int32_t tensor);
const int8_t *sc_prepare_readable(const sc_prepare_t *p, int32_t tensor);
// Writes the record with its axes and the addresses of a, b and out.
void *sc_prepare_record(sc_prepare_t *p, const sc_op_t *op);

#endif
