// The rules a model must keep before it runs, one error code each. What passes comes out as the operator's record with
// every number filled in; only addresses are missing.
#ifndef SC_CHECKS_H
#define SC_CHECKS_H

#include "nn/record.h"
#include "nn/tflite_schema.h"
#include "nn/tflite_view.h"

#define SC_CHECKS_MAX_INPUTS (24) // of one operator

// Where the plan may put an operator's output.
typedef enum {
    SC_LAYOUT_APART,
    SC_LAYOUT_IN_PLACE, // over an input of its size that is no longer needed: each value is read before it is written
    SC_LAYOUT_ALIAS,    // the output has the bytes of its input
    SC_LAYOUT_PIECES,   // the inputs, one behind the other
    SC_LAYOUT_PARTS,    // the outputs are the input's bytes, one behind the other
} sc_layout_t;

typedef struct {
    int32_t index, builtin;
    int32_t inputs[SC_CHECKS_MAX_INPUTS]; // tensors it reads when it runs; the first two are a and b
    int32_t input_count;
    int32_t output;              // the first
    sc_tflite_vector_t outputs;  // all
    int32_t bias;          // tensor, -1 without
    struct {
        int32_t tensor;
        uint32_t bytes;    // 0: none
    } state[2];            // variable tensors: theirs alone, kept from one run to the next
    sc_layout_t layout;
    uint32_t scratch;      // bytes
    uint32_t behind;       // last bytes of the output that may lie on the first ones of the input
    uint32_t multipliers;  // of a convolution: one per channel or, if 1, for all
    uint64_t macs;         // multiplications and, in pooling and mean, additions
    int32_t a_offset, out_offset;        // copies: bytes to their first elements
    int32_t pieces[SC_CHECKS_MAX_INPUTS]; // contiguous bytes taken from each input in turn
    sc_axis_t axis[4];     // the first head.axes count
    uint32_t record_bytes;
    union {
        sc_record_t head;
        uint8_t bytes[SC_RECORD_MAX_BYTES];
    } record;
} sc_op_t;

// What the checks of one operator share.
typedef struct {
    sc_tflite_t *view;
    sc_fault_t *fault;
    sc_tflite_operator_t source;
    sc_tflite_tensor_t a, out; // first input and first output, int8 and quantized
    sc_op_t *op;
} sc_checks_t;

// Opens the file and checks what concerns the graph as a whole. 0 and a fault if refused.
int sc_checks_graph(sc_tflite_t *view, const void *file, size_t length, sc_fault_t *fault);
// Checks operator i by itself. 0 and a fault if refused.
int sc_checks_op(sc_tflite_t *view, uint32_t i, sc_op_t *op, sc_fault_t *fault);

// For the checks in op_*.c. Each returns 1, or fails: sets the fault and returns 0.
int sc_checks_fail(sc_checks_t *c, sc_err_t code, int32_t tensor);
int sc_checks_activation(sc_checks_t *c, int32_t index, sc_tflite_tensor_t *t); // int8, one scale
int sc_checks_ints(sc_checks_t *c, int32_t index, sc_tflite_vector_t *values);  // constant int32
int sc_checks_range(sc_checks_t *c, int32_t activation, int8_t *low, int8_t *high);
int sc_checks_same_scale(sc_checks_t *c, const sc_tflite_tensor_t *a, int32_t index);
int sc_checks_same_elements(sc_checks_t *c);
int sc_checks_four_dims(sc_checks_t *c);
// The multiplier x * y / z, as sc_quantize_multiplier has it.
int sc_checks_multiplier(sc_checks_t *c, float x, float y, float z, int32_t *multiplier, int8_t *shift);
// Fields of the operator's table of options; 0, or the default, where it has none.
int32_t sc_checks_option_int8(sc_checks_t *c, uint32_t id);
int32_t sc_checks_option_int32(sc_checks_t *c, uint32_t id, int32_t otherwise);
// The operator's record, of that type.
#define SC_CHECKS_RECORD(c, type) ((type *)sc_checks_record(c, sizeof(type) * sizeof(char[SC_RECORD_FITS(type)])))
#define SC_RECORD_FITS(type) (sizeof(type) <= SC_RECORD_MAX_BYTES ? 1 : -1)
void *sc_checks_record(sc_checks_t *c, size_t bytes);
// Puts an axis in front of those that op has, merged with the outermost one where the steps allow it.
void sc_checks_push_axis(sc_op_t *op, int32_t count, int32_t a_step, int32_t b_step);

#endif
