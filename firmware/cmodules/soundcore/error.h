// One error code for each reason to refuse an input.
#ifndef SC_ERROR_H
#define SC_ERROR_H

#include <stddef.h>
#include <stdint.h>

// Both Pythons and the wire show the dotted names.
#define SC_ERRORS(X) \
    X(SC_OK, "ok", "no error") \
    X(SC_E_MEMORY, "memory", "the memory given is smaller than the size asked for") \
    X(SC_E_FRONTEND_RATE, "frontend.rate", "rate_hz must be 4000..48000") \
    X(SC_E_FRONTEND_WINDOW, "frontend.window", "window must be 256..1024 samples and not above fft") \
    X(SC_E_FRONTEND_HOP, "frontend.hop", "hop must be 64..1024 samples and not above window") \
    X(SC_E_FRONTEND_FFT, "frontend.fft", "fft must be 256, 512 or 1024") \
    X(SC_E_FRONTEND_BANDS, "frontend.bands", "bands must be 1..128") \
    X(SC_E_FRONTEND_RANGE, "frontend.range", "0 <= low_hz < high_hz <= rate_hz / 2 must hold") \
    X(SC_E_FRONTEND_MFCC, "frontend.mfcc", "coefficients must be 0..40 and not above bands") \
    X(SC_E_FRONTEND_SCALE, "frontend.scale", "floor_db must be -140..0 and step_mdb 50..20000") \
    X(SC_E_FRONTEND_ROOM, "frontend.room", "the output holds fewer frames than the samples complete") \
    X(SC_E_GAIN_SHIFT, "gain.shift", "shift must be 0..8") \
    X(SC_E_GAIN_DC, "gain.dc", "dc_shift must be 0 or 4..11") \
    X(SC_E_GAIN_ROOM, "gain.room", "the output holds fewer samples than the input makes") \
    X(SC_E_I2S_BITS, "i2s.bits", "bits must be 12, 16, 24 or 32") \
    X(SC_E_I2S_CHANNEL, "i2s.channel", "channels must be 1 or 2 and channel below it") \
    X(SC_E_ADPCM_BITS, "adpcm.bits", "bits must be 3, 4 or 5") \
    X(SC_E_ADPCM_COUNT, "adpcm.count", "a piece has 1..65535 samples") \
    X(SC_E_ADPCM_ROOM, "adpcm.room", "the output is too small for the piece") \
    X(SC_E_ADPCM_DATA, "adpcm.data", "the bytes are not a piece of this codec") \
    X(SC_E_FILE, "model.file", "not a TensorFlow Lite file") \
    X(SC_E_TRUNCATED, "model.truncated", "the file ends before what it refers to") \
    X(SC_E_ALIGN, "model.align", "data is not aligned as its type needs") \
    X(SC_E_VERSION, "model.version", "the schema version is not 3") \
    X(SC_E_GRAPH, "model.graph", "the graph is malformed") \
    X(SC_E_LIMIT, "model.limit", "the model exceeds a limit of this build") \
    X(SC_E_COUNT, "model.count", "more than 1024 tensors, 512 operators, or 64 inputs or outputs of the graph") \
    X(SC_E_OP, "model.op", "unsupported operator") \
    X(SC_E_OP_OPTIONS, "model.options", "unsupported or missing operator options") \
    X(SC_E_OP_ARITY, "model.arity", "wrong number of operator inputs or outputs") \
    X(SC_E_TYPE, "model.type", "unsupported tensor type") \
    X(SC_E_SHAPE, "model.shape", "tensor shapes do not fit the operator") \
    X(SC_E_QUANT, "model.quant", "missing or unsupported quantization") \
    X(SC_E_CONST, "model.const", "a tensor that must be constant is not, or the reverse") \
    X(SC_E_SUBGRAPH, "model.subgraph", "the file must hold exactly one subgraph") \
    X(SC_E_INDEX, "model.index", "an index of a tensor, buffer or operator code is out of range") \
    X(SC_E_ORDER, "model.order", "a tensor is read before it is written, or written twice") \
    X(SC_E_IO, "model.io", "the graph's inputs and outputs must be int8 and not constant") \
    X(SC_E_VARIABLE, "model.variable", "variable tensors are not supported: make state an input and an output") \
    X(SC_E_SPARSE, "model.sparse", "sparse tensors are not supported") \
    X(SC_E_BUFFER, "model.buffer", "data outside the flatbuffer is not supported") \
    X(SC_E_SIZE, "model.size", "constant data are shorter than their shape asks for") \
    X(SC_E_ACTIVATION, "model.activation", "unsupported fused activation") \
    X(SC_E_MULTIPLIER, "model.multiplier", "the scales give a multiplier outside the range of the arithmetic") \
    X(SC_E_META, "meta.missing", "the model carries no soundsdk metadata") \
    X(SC_E_META_JSON, "meta.json", "the soundsdk metadata is not valid JSON of the expected form") \
    X(SC_E_META_VERSION, "meta.version", "the metadata version is not one this build reads") \
    X(SC_E_META_FRONTEND, "meta.frontend", "the model was made for another frontend version") \
    X(SC_E_META_FEATURES, "meta.features", "the feature input does not fit hop_frames and the frontend") \
    X(SC_E_META_SCORES, "meta.scores", "the scores or attention output does not fit the labels") \
    X(SC_E_META_STATES, "meta.states", "the state pairs do not fit the model's inputs and outputs") \
    X(SC_E_DETECTOR_TIME, "detector.time", "pool_ms must be 0..60000") \
    X(SC_E_DETECTOR_RULES, "detector.rules", "rules must hold on, off, min_ms and hold_ms of each class")

typedef enum {
#define SC_X(id, name, text) id,
    SC_ERRORS(SC_X)
#undef SC_X
    SC_ERROR_COUNT
} sc_err_t;

// Where and why an input was refused. op and tensor are indices into the first subgraph, -1 when unknown.
typedef struct {
    sc_err_t code;
    int32_t op;
    int32_t builtin; // TFLite BuiltinOperator of that op, -1 when unknown
    int32_t tensor;
} sc_fault_t;

// Sets the fault, unless it is NULL; op, builtin and tensor are -1 where there is none. Always returns 0 (failure).
int sc_error_set(sc_fault_t *fault, sc_err_t code, int32_t op, int32_t builtin, int32_t tensor);
// The same without an operator or tensor. SC_OK clears the fault.
static inline int sc_error_fail(sc_fault_t *fault, sc_err_t code) {
    return sc_error_set(fault, code, -1, -1, -1);
}
const char *sc_error_name(sc_err_t code);
// The name of a BuiltinOperator that converters are likely to write; NULL for others.
const char *sc_error_op_name(int32_t builtin);
// Writes one sentence, "operator 3 (CONV_2D), tensor 12: …", NUL-terminated; returns its length.
size_t sc_error_text(const sc_fault_t *fault, char *out, size_t room);

#endif
