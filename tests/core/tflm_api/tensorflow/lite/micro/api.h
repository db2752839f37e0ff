// What the wheel's library exports, as its symbols name it. Storage sizes are at least the real ones.
#ifndef SOUNDSDK_TESTS_TFLM_API_H
#define SOUNDSDK_TESTS_TFLM_API_H

#include <stddef.h>
#include <stdint.h>

namespace tflite {

struct Model;
struct Operator;

enum BuiltinOperator : int32_t {
    BuiltinOperator_ADD = 0,
    BuiltinOperator_AVERAGE_POOL_2D = 1,
    BuiltinOperator_CONCATENATION = 2,
    BuiltinOperator_CONV_2D = 3,
    BuiltinOperator_DEPTHWISE_CONV_2D = 4,
    BuiltinOperator_FULLY_CONNECTED = 9,
    BuiltinOperator_LOGISTIC = 14,
    BuiltinOperator_MAX_POOL_2D = 17,
    BuiltinOperator_MUL = 18,
    BuiltinOperator_RELU = 19,
    BuiltinOperator_RELU6 = 21,
    BuiltinOperator_RESHAPE = 22,
    BuiltinOperator_SOFTMAX = 25,
    BuiltinOperator_TANH = 28,
    BuiltinOperator_PAD = 34,
    BuiltinOperator_TRANSPOSE = 39,
    BuiltinOperator_MEAN = 40,
    BuiltinOperator_SUB = 41,
    BuiltinOperator_UNIDIRECTIONAL_SEQUENCE_LSTM = 44,
    BuiltinOperator_STRIDED_SLICE = 45,
    BuiltinOperator_SPLIT = 49,
    BuiltinOperator_MAXIMUM = 55,
    BuiltinOperator_MINIMUM = 57,
    BuiltinOperator_SLICE = 65,
    BuiltinOperator_PACK = 83,
    BuiltinOperator_UNPACK = 88,
    BuiltinOperator_LEAKY_RELU = 98,
    BuiltinOperator_SPLIT_V = 102,
    BuiltinOperator_QUANTIZE = 114,
    BuiltinOperator_HARD_SWISH = 117,
};

// A flatbuffer begins with the offset of its root table.
inline const Model *GetModel(const void *file) {
    return reinterpret_cast<const Model *>(static_cast<const uint8_t *>(file) + *static_cast<const uint32_t *>(file));
}

namespace micro {

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum class MemoryPlannerType { kGreedy, kLinear };

struct BuiltinDataAllocator;
struct MicroProfilerInterface;
struct MicroResourceVariables;
struct TfLiteContext;
struct TfLiteNode;

struct TfLiteTensor {
    struct { int type; void *params; } quantization;
    struct { float scale; int32_t zero_point; } params;
    union { int8_t *int8; void *data; } data;
    void *dims;
    size_t bytes;
};

struct TFLMRegistration {
    void *(*init)(TfLiteContext *, const char *, size_t);
    void (*free)(TfLiteContext *, void *);
    TfLiteStatus (*prepare)(TfLiteContext *, TfLiteNode *);
    TfLiteStatus (*invoke)(TfLiteContext *, TfLiteNode *);
    void (*reset)(TfLiteContext *, void *);
    int32_t builtin_code;
    const char *custom_name;
};

class MicroOpResolver {
public:
    typedef TfLiteStatus (*Parser)(const Operator *, BuiltinDataAllocator *, void **);
    virtual const TFLMRegistration *FindOp(BuiltinOperator op) const = 0;
    virtual const TFLMRegistration *FindOp(const char *name) const = 0;
    virtual Parser GetOpDataParser(BuiltinOperator op) const = 0;
};

class MicroAllocator {
public:
    static MicroAllocator *Create(uint8_t *arena, size_t size, MemoryPlannerType planner = MemoryPlannerType::kGreedy);
    size_t used_bytes() const;
};

class MicroInterpreter {
public:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, MicroAllocator *allocator,
                     MicroResourceVariables *variables = nullptr, MicroProfilerInterface *profiler = nullptr);
    TfLiteStatus AllocateTensors();
    TfLiteStatus Invoke();
    TfLiteStatus Reset();
    TfLiteTensor *input(size_t index);
    TfLiteTensor *output(size_t index);

private:
    alignas(16) unsigned char storage[2048];
};

#define SOUNDSDK_OPERATORS(X) \
    X(AddAdd, ADD, ParseAdd) \
    X(AddAveragePool2D, AVERAGE_POOL_2D, ParsePool) \
    X(AddConcatenation, CONCATENATION, ParseConcatenation) \
    X(AddConv2D, CONV_2D, ParseConv2D) \
    X(AddDepthwiseConv2D, DEPTHWISE_CONV_2D, ParseDepthwiseConv2D) \
    X(AddFullyConnected, FULLY_CONNECTED, ParseFullyConnected) \
    X(AddHardSwish, HARD_SWISH, ParseHardSwish) \
    X(AddLeakyRelu, LEAKY_RELU, ParseLeakyRelu) \
    X(AddLogistic, LOGISTIC, ParseLogistic) \
    X(AddMaxPool2D, MAX_POOL_2D, ParsePool) \
    X(AddMaximum, MAXIMUM, ParseMaximum) \
    X(AddMean, MEAN, ParseReducer) \
    X(AddMinimum, MINIMUM, ParseMinimum) \
    X(AddMul, MUL, ParseMul) \
    X(AddPack, PACK, ParsePack) \
    X(AddPad, PAD, ParsePad) \
    X(AddQuantize, QUANTIZE, ParseQuantize) \
    X(AddRelu, RELU, ParseRelu) \
    X(AddRelu6, RELU6, ParseRelu6) \
    X(AddReshape, RESHAPE, ParseReshape) \
    X(AddSlice, SLICE, ParseSlice) \
    X(AddSoftmax, SOFTMAX, ParseSoftmax) \
    X(AddSplit, SPLIT, ParseSplit) \
    X(AddSplitV, SPLIT_V, ParseSplitV) \
    X(AddStridedSlice, STRIDED_SLICE, ParseStridedSlice) \
    X(AddSub, SUB, ParseSub) \
    X(AddTanh, TANH, ParseTanh) \
    X(AddTranspose, TRANSPOSE, ParseTranspose) \
    X(AddUnidirectionalSequenceLSTM, UNIDIRECTIONAL_SEQUENCE_LSTM, ParseUnidirectionalSequenceLSTM) \
    X(AddUnpack, UNPACK, ParseUnpack)

#define SOUNDSDK_DECLARE(method, name, parser) \
    TFLMRegistration Register_##name(); \
    TfLiteStatus parser(const Operator *, BuiltinDataAllocator *, void **);
SOUNDSDK_OPERATORS(SOUNDSDK_DECLARE)
#undef SOUNDSDK_DECLARE

// The real one is a template over inline code as well; this one does what its interface asks for.
template <unsigned int kCount>
class MicroMutableOpResolver : public MicroOpResolver {
public:
#define SOUNDSDK_ADD(method, name, parser) \
    TfLiteStatus method() { \
        return add(BuiltinOperator_##name, Register_##name(), parser); \
    }
    SOUNDSDK_OPERATORS(SOUNDSDK_ADD)
#undef SOUNDSDK_ADD

    const TFLMRegistration *FindOp(BuiltinOperator op) const override {
        for (unsigned int i = 0; i < count; i++) {
            if (registrations[i].builtin_code == op) {
                return &registrations[i];
            }
        }
        return nullptr;
    }
    const TFLMRegistration *FindOp(const char *) const override {
        return nullptr;
    }
    Parser GetOpDataParser(BuiltinOperator op) const override {
        const TFLMRegistration *found = FindOp(op);
        return found ? parsers[found - registrations] : nullptr;
    }

private:
    TfLiteStatus add(BuiltinOperator op, const TFLMRegistration &registration, Parser parser) {
        if (count == kCount || FindOp(op)) {
            return kTfLiteError;
        }
        registrations[count] = registration;
        registrations[count].builtin_code = op;
        parsers[count++] = parser;
        return kTfLiteOk;
    }
    TFLMRegistration registrations[kCount];
    Parser parsers[kCount];
    unsigned int count = 0;
};

} // namespace micro
} // namespace tflite

#endif
