// Memory plan: where each computed tensor lies. Tensors whose lifetimes do not overlap share memory; a reshaped tensor
// lies on its source, an element-wise result on an input no longer needed, a convolution's follows through its input as
// far as its rows are done with, a concatenation's inputs lie inside its result.
// Graph inputs never share; graph outputs do not from the operator that writes them until the next run.
#ifndef SC_PLAN_H
#define SC_PLAN_H

#include "nn/checks.h"
#include "nn/scratch.h"

#define SC_PLAN_FEW_BLOCKS (104) // computed tensors and scratch buffers that a plan has room for by itself
#define SC_PLAN_ALIGN (4)        // of each tensor in the arena, bytes

typedef struct {
    uint32_t size;
    uint32_t offset;     // in the arena
    uint32_t behind;     // bytes of it that may lie on the operator's input: see sc_op_t
    int16_t tensor;      // -1 - operator for its scratch
    int16_t first, last; // operators between which the contents must stay
    int16_t root;        // the block this one lies in: itself, or one that has its own place
} sc_plan_block_t;

typedef struct {
    sc_plan_block_t *block; // few, or the caller's scratch
    int32_t room, count;
    uint32_t bytes; // of the arena
    uint64_t macs;
    sc_plan_block_t few[SC_PLAN_FEW_BLOCKS];
} sc_plan_t;

// Bytes of scratch for the plan of a graph that passed sc_checks_graph: 0 if its blocks are few, or it will be refused.
size_t sc_plan_scratch(sc_tflite_t *view);
// Checks all operators and the order in which they use tensors, then plans. scratch: NULL for none; in use as long as
// the plan. 0 and a fault if refused.
int sc_plan_make(sc_plan_t *plan, sc_tflite_t *view, const sc_scratch_t *scratch, sc_fault_t *fault);
// Offset of a tensor (-1 - operator: its scratch) in the arena; -1 for a constant or none.
int32_t sc_plan_offset(const sc_plan_t *plan, int32_t tensor);
// Whether input i of an operator already lies `at` bytes into its output, so that nothing is to be copied.
int sc_plan_in_place(const sc_plan_t *plan, const sc_op_t *op, int32_t i, int32_t at);

#endif
