// The table of operators. Everything that lists operators is made from its rows: ops.c, the costs in cost.c, and what
// the other engine registers (model_tflm.cc) and compiles (tflm.cmake, tflm.mk).
//
//   operator             as in the schema (tflite_schema.h)
//   options              type of its table of options
//   least, most          inputs
//   optional             a bit for each input that may be left out
//   parts                outputs at most
//   check, prepare, run  sc_op_<check>_check fills in the record's numbers or refuses; sc_op_<prepare>_prepare writes
//                        the record with its addresses; sc_op_<run>_run computes the output
//   method, file         in TensorFlow Lite Micro: Add<method> of its resolver, kernels/<file>.cc
//
// A new operator is op_<name>.c, a row here, and a generator of models in tests/core/model_generator.py.
#ifndef SC_OPS_H
#define SC_OPS_H

#include "hot.h"
#include "nn/checks.h"
#include "nn/prepare.h"

#define SC_OPS(X) \
    X(ADD, AddOptions, 2, 2, 0, 1, add, record, add, Add, add) \
    X(AVERAGE_POOL_2D, Pool2DOptions, 1, 1, 0, 1, average_pool, pool, average_pool, AveragePool2D, pooling) \
    X(CONCATENATION, ConcatenationOptions, 1, 10, 0, 1, concatenation, concatenation, copy, Concatenation, concatenation) \
    X(CONV_2D, Conv2DOptions, 2, 3, 4, 1, conv, conv, conv, Conv2D, conv) \
    X(DEPTHWISE_CONV_2D, DepthwiseConv2DOptions, 2, 3, 4, 1, depthwise, conv, depthwise, DepthwiseConv2D, depthwise_conv) \
    X(FULLY_CONNECTED, FullyConnectedOptions, 2, 3, 4, 1, fully_connected, conv, conv, FullyConnected, fully_connected) \
    X(HARD_SWISH, HardSwishOptions, 1, 1, 0, 1, hard_swish, record, hard_swish, HardSwish, hard_swish) \
    X(LEAKY_RELU, LeakyReluOptions, 1, 1, 0, 1, leaky_relu, record, leaky_relu, LeakyRelu, leaky_relu) \
    X(LOGISTIC, NONE, 1, 1, 0, 1, logistic, saturating, saturating, Logistic, logistic) \
    X(MAX_POOL_2D, Pool2DOptions, 1, 1, 0, 1, max_pool, pool, max_pool, MaxPool2D, pooling) \
    X(MEAN, ReducerOptions, 2, 2, 0, 1, mean, record, mean, Mean, reduce) \
    X(MUL, MulOptions, 2, 2, 0, 1, mul, record, mul, Mul, mul) \
    X(PACK, PackOptions, 1, 24, 0, 1, pack, concatenation, copy, Pack, pack) \
    X(PAD, PadOptions, 2, 2, 0, 1, pad, record, pad, Pad, pad) \
    X(QUANTIZE, QuantizeOptions, 1, 1, 0, 1, quantize, record, quantize, Quantize, quantize) \
    X(RESHAPE, ReshapeOptions, 1, 2, 0, 1, reshape, reshape, copy, Reshape, reshape) \
    X(SLICE, SliceOptions, 3, 3, 0, 1, slice, record, copy, Slice, slice) \
    X(SOFTMAX, SoftmaxOptions, 1, 1, 0, 1, softmax, record, softmax, Softmax, softmax) \
    X(SPLIT, SplitOptions, 2, 2, 0, 64, split, split, copy, Split, split) \
    X(SPLIT_V, SplitVOptions, 3, 3, 0, 64, split_v, split, copy, SplitV, split_v) \
    X(STRIDED_SLICE, StridedSliceOptions, 4, 4, 0, 1, strided_slice, record, copy, StridedSlice, strided_slice) \
    X(SUB, SubOptions, 2, 2, 0, 1, sub, record, add, Sub, sub) \
    X(TANH, NONE, 1, 1, 0, 1, tanh, saturating, saturating, Tanh, tanh) \
    X(TRANSPOSE, TransposeOptions, 2, 2, 0, 1, transpose, record, copy, Transpose, transpose) \
    X(UNIDIRECTIONAL_SEQUENCE_LSTM, UnidirectionalSequenceLSTMOptions, 24, 24, 0xf30e00, 1, lstm, lstm, lstm, \
      UnidirectionalSequenceLSTM, unidirectional_sequence_lstm) \
    X(UNPACK, UnpackOptions, 1, 1, 0, 64, unpack, split, copy, Unpack, unpack)

#define SC_X(name, options, least, most, optional, parts, check, prepare, run, method, file) \
    SC_COLD int sc_op_##check##_check(sc_checks_t *c); \
    SC_COLD int sc_op_##prepare##_prepare(sc_prepare_t *p, sc_op_t *op); \
    void sc_op_##run##_run(const void *record);
SC_OPS(SC_X)
#undef SC_X

enum {
#define SC_X(name, ...) SC_OPS_##name,
    SC_OPS(SC_X)
#undef SC_X
    SC_OPS_COUNT
};

typedef struct {
    uint8_t builtin, options; // BuiltinOperator, BuiltinOptions
    uint8_t least, most, parts;
    uint32_t optional;
    int (*check)(sc_checks_t *c);
    int (*prepare)(sc_prepare_t *p, sc_op_t *op);
    void (*run)(const void *record);
} sc_ops_row_t;

// Sets the states of an LSTM to zero.
void sc_op_lstm_reset(const void *record);

extern const sc_ops_row_t sc_ops[SC_OPS_COUNT];

// The row of a BuiltinOperator; SC_OPS_COUNT if there is none.
uint32_t sc_ops_find(int32_t builtin);

#endif
