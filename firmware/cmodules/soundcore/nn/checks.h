// The rules a model must keep before it runs, one error code each. What passes comes out as the kernel's record with
// every number filled in; only addresses are missing.
#ifndef SC_CHECKS_H
#define SC_CHECKS_H

#include "nn/kernels.h"
#include "nn/tflite_view.h"

#define SC_CHECKS_MAX_INPUTS (10) // of one operator; TensorFlow Lite Micro concatenates no more

// Operators, by their BuiltinOperator code.
enum {
    SC_OP_ADD = 0,
    SC_OP_AVERAGE_POOL_2D = 1,
    SC_OP_CONCATENATION = 2,
    SC_OP_CONV_2D = 3,
    SC_OP_DEPTHWISE_CONV_2D = 4,
    SC_OP_FULLY_CONNECTED = 9,
    SC_OP_LOGISTIC = 14,
    SC_OP_MAX_POOL_2D = 17,
    SC_OP_MUL = 18,
    SC_OP_RESHAPE = 22,
    SC_OP_SOFTMAX = 25,
    SC_OP_TANH = 28,
    SC_OP_PAD = 34,
    SC_OP_MEAN = 40,
    SC_OP_SUB = 41,
    SC_OP_STRIDED_SLICE = 45,
    SC_OP_QUANTIZE = 114,
};

typedef struct {
    int32_t index, builtin;
    int32_t inputs[SC_CHECKS_MAX_INPUTS]; // tensors its kernels read; the first two are a and b
    int32_t input_count;
    int32_t output;
    int32_t bias;          // tensor, -1 without
    int32_t in_place;      // the output may lie on an input of its size
    uint32_t scratch;      // bytes
    uint32_t factors;      // multipliers for each channel or, if 1, for all; 0: none
    uint64_t macs;         // multiplications and, in pooling and mean, additions
    int32_t a_offset, out_offset;        // copies: bytes to their first elements
    int32_t pieces[SC_CHECKS_MAX_INPUTS]; // CONCATENATION: contiguous bytes taken from each input in turn
    sc_kernel_axis_t axis[4];           // the first head.axes count
    union {
        sc_kernel_t head;
        sc_kernel_conv_t conv;
        sc_kernel_binary_t binary;
        sc_kernel_unary_t unary;
        sc_kernel_softmax_t softmax;
        sc_kernel_mean_t mean;
        sc_kernel_pool_t pool;
        sc_kernel_copy_t copy;
    } kernel;
} sc_model_op_t;

// What the checks of one operator share.
typedef struct {
    sc_tflite_t *view;
    sc_fault_t *fault;
    sc_tflite_operator_t source;
    sc_tflite_tensor_t a, out; // first input and only output, int8 and quantized
    sc_model_op_t *op;
} sc_checks_t;

// Opens the file and checks what concerns the graph as a whole. 0 and a fault if refused.
int sc_checks_graph(sc_tflite_t *view, const void *file, size_t length, sc_fault_t *fault);
// Checks operator i by itself. 0 and a fault if refused.
int sc_checks_op(sc_tflite_t *view, uint32_t i, sc_model_op_t *op, sc_fault_t *fault);
// The factor of channel i of a convolution; 0 and a fault if it cannot be held.
int sc_checks_factor(sc_tflite_t *view, const sc_model_op_t *op, uint32_t i, int32_t *multiplier, int8_t *shift,
                           sc_fault_t *fault);

// For the checks of the operators, in check_*.c. Each returns 1, or fails: sets the fault and returns 0.
int sc_checks_fail(sc_checks_t *c, sc_err_t code, int32_t tensor);
int sc_checks_activation(sc_checks_t *c, int32_t index, sc_tflite_tensor_t *t); // int8, one scale
int sc_checks_ints(sc_checks_t *c, int32_t index, sc_tflite_vector_t *values); // constant int32
int sc_checks_range(sc_checks_t *c, int32_t activation, int8_t *low, int8_t *high);
int sc_checks_same_scale(sc_checks_t *c, const sc_tflite_tensor_t *a, int32_t index);
int sc_checks_multiplier(sc_checks_t *c, double real, int32_t *multiplier, int8_t *shift);
// Puts an axis in front of those that op has, merged with the outermost one where the steps allow it.
void sc_checks_push_axis(sc_model_op_t *op, int32_t count, int32_t a_step, int32_t b_step);

int sc_check_window_conv(sc_checks_t *c);
int sc_check_window_depthwise(sc_checks_t *c);
int sc_check_window_fully_connected(sc_checks_t *c);
int sc_check_window_pool(sc_checks_t *c);
int sc_check_window_mean(sc_checks_t *c);
int sc_check_elementwise_binary(sc_checks_t *c);
int sc_check_elementwise_saturating(sc_checks_t *c);
int sc_check_elementwise_softmax(sc_checks_t *c);
int sc_check_elementwise_quantize(sc_checks_t *c);
int sc_check_copy_reshape(sc_checks_t *c);
int sc_check_copy_concatenation(sc_checks_t *c);
int sc_check_copy_strided_slice(sc_checks_t *c);
int sc_check_copy_pad(sc_checks_t *c);

#endif
