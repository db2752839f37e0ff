// The rules a model must keep before it runs, one error code each. What passes comes out as the kernel's record with
// every number filled in; only addresses are missing.
#ifndef SND_MODEL_CHECK_H
#define SND_MODEL_CHECK_H

#include "nn/kernels.h"
#include "nn/tflite_view.h"

#define SND_MODEL_MAX_INPUTS (10) // of one operator; TensorFlow Lite Micro concatenates no more

// Operators, by their BuiltinOperator code.
enum {
    SND_OP_ADD = 0,
    SND_OP_AVERAGE_POOL_2D = 1,
    SND_OP_CONCATENATION = 2,
    SND_OP_CONV_2D = 3,
    SND_OP_DEPTHWISE_CONV_2D = 4,
    SND_OP_FULLY_CONNECTED = 9,
    SND_OP_LOGISTIC = 14,
    SND_OP_MAX_POOL_2D = 17,
    SND_OP_MUL = 18,
    SND_OP_RESHAPE = 22,
    SND_OP_SOFTMAX = 25,
    SND_OP_TANH = 28,
    SND_OP_PAD = 34,
    SND_OP_MEAN = 40,
    SND_OP_SUB = 41,
    SND_OP_STRIDED_SLICE = 45,
    SND_OP_QUANTIZE = 114,
};

typedef struct {
    int32_t index, builtin;
    int32_t inputs[SND_MODEL_MAX_INPUTS]; // tensors its kernels read; the first two are a and b
    int32_t input_count;
    int32_t output;
    int32_t bias;          // tensor, -1 without
    int32_t in_place;      // the output may lie on an input of its size
    uint32_t scratch;      // bytes
    uint32_t factors;      // multipliers for each channel or, if 1, for all; 0: none
    uint64_t macs;         // multiplications and, in pooling and mean, additions
    int32_t a_offset, out_offset;        // copies: bytes to their first elements
    int32_t pieces[SND_MODEL_MAX_INPUTS]; // CONCATENATION: contiguous bytes taken from each input in turn
    snd_kernel_axis_t axis[4];           // the first head.axes count
    union {
        snd_kernel_t head;
        snd_kernel_conv_t conv;
        snd_kernel_binary_t binary;
        snd_kernel_unary_t unary;
        snd_kernel_softmax_t softmax;
        snd_kernel_mean_t mean;
        snd_kernel_pool_t pool;
        snd_kernel_copy_t copy;
    } kernel;
} snd_model_op_t;

// What the checks of one operator share.
typedef struct {
    snd_tflite_t *view;
    snd_fault_t *fault;
    snd_tflite_operator_t source;
    snd_tflite_tensor_t a, out; // first input and only output, int8 and quantized
    snd_model_op_t *op;
} snd_model_check_t;

// Opens the file and checks what concerns the graph as a whole. 0 and a fault if refused.
int snd_model_check_graph(snd_tflite_t *view, const void *file, size_t length, snd_fault_t *fault);
// Checks operator i by itself. 0 and a fault if refused.
int snd_model_check_op(snd_tflite_t *view, uint32_t i, snd_model_op_t *op, snd_fault_t *fault);
// The factor of channel i of a convolution; 0 and a fault if it cannot be held.
int snd_model_check_factor(snd_tflite_t *view, const snd_model_op_t *op, uint32_t i, int32_t *multiplier, int8_t *shift,
                           snd_fault_t *fault);

// For the checks of the operators, in check_*.c. Each returns 1, or fails: sets the fault and returns 0.
int snd_model_check_fail(snd_model_check_t *c, snd_err_t code, int32_t tensor);
int snd_model_check_activation(snd_model_check_t *c, int32_t index, snd_tflite_tensor_t *t); // int8, one scale
int snd_model_check_ints(snd_model_check_t *c, int32_t index, snd_tflite_vector_t *values); // constant int32
int snd_model_check_range(snd_model_check_t *c, int32_t activation, int8_t *low, int8_t *high);
int snd_model_check_same_scale(snd_model_check_t *c, const snd_tflite_tensor_t *a, int32_t index);
int snd_model_check_multiplier(snd_model_check_t *c, double real, int32_t *multiplier, int8_t *shift);
// Puts an axis in front of those that op has, merged with the outermost one where the steps allow it.
void snd_model_check_push_axis(snd_model_op_t *op, int32_t count, int32_t a_step, int32_t b_step);

int snd_check_window_conv(snd_model_check_t *c);
int snd_check_window_depthwise(snd_model_check_t *c);
int snd_check_window_fully_connected(snd_model_check_t *c);
int snd_check_window_pool(snd_model_check_t *c);
int snd_check_window_mean(snd_model_check_t *c);
int snd_check_elementwise_binary(snd_model_check_t *c);
int snd_check_elementwise_saturating(snd_model_check_t *c);
int snd_check_elementwise_softmax(snd_model_check_t *c);
int snd_check_elementwise_quantize(snd_model_check_t *c);
int snd_check_copy_reshape(snd_model_check_t *c);
int snd_check_copy_concatenation(snd_model_check_t *c);
int snd_check_copy_strided_slice(snd_model_check_t *c);
int snd_check_copy_pad(snd_model_check_t *c);

#endif
