// model.h over TensorFlow Lite Micro's C++ interpreter, in place of model.c: SOUNDCORE_ENGINE=tflm. A file passes the
// same checks first, because the interpreter trusts what it is given; so both engines refuse the same files.
extern "C" {
#include "nn/model_file.h"
#include "nn/ops.h"
}

#include <string.h>

#include <new>

#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

// Trees since 2026 keep the interpreter in tflite::micro, older ones in tflite.
namespace tflite {
namespace micro {}
}
using namespace tflite;
using namespace tflite::micro;

namespace {

typedef MicroMutableOpResolver<SC_OPS_COUNT> Resolver;

// Bytes its allocator takes in one place or another: of a tensor (its record, its line in the memory plan), an
// operator (node, options, its own data), a channel (multiplier, shift, zero point), and once. Above what was measured
// (tests/core/test_engine_tflm.py); where it is not enough, init says so.
const size_t kOnce = 4096, kTensor = 192, kOperator = 640, kChannel = 16;

size_t padded(size_t bytes) {
    return (bytes + 15) & ~static_cast<size_t>(15);
}

bool add(Resolver *resolver, int32_t builtin) {
    switch (builtin) {
#define SC_X(name, options, least, most, optional, parts, check, prepare, run, method, file) \
        case ::BuiltinOperator_##name: return resolver->Add##method() == kTfLiteOk;
        SC_OPS(SC_X)
#undef SC_X
        default: return false;
    }
}

// Registers what the model uses, each once.
bool add_all(Resolver *resolver, sc_tflite_t *view) {
    bool added[SC_OPS_COUNT] = {};
    for (uint32_t i = 0; i < view->operators.count; i++) {
        sc_tflite_operator_t op;
        if (sc_tflite_operator(view, i, &op) != SC_OK) {
            return false;
        }
        const uint32_t row = sc_ops_find(op.builtin);
        if (row == SC_OPS_COUNT || (!added[row] && !add(resolver, op.builtin))) {
            return false;
        }
        added[row] = true;
    }
    return true;
}

} // namespace

// The caller's memory: this object, the addresses of inputs and outputs, the inputs' contents, the interpreter's arena.
// Inputs have memory of their own because the interpreter uses that of its input tensors again while it runs.
struct sc_model {
    sc_tflite_t view;
    size_t used;
    uint64_t macs;
    int8_t **ends; // inputs, then outputs
    Resolver resolver;
    alignas(16) unsigned char interpreter[sizeof(MicroInterpreter)];

    MicroInterpreter *engine() {
        return reinterpret_cast<MicroInterpreter *>(interpreter);
    }
};

namespace {

size_t ends_bytes(const sc_tflite_t *view) {
    return padded((view->inputs.count + view->outputs.count) * sizeof(int8_t *));
}

size_t inputs_bytes(sc_tflite_t *view) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < view->inputs.count; i++) {
        sc_tflite_tensor_t t;
        sc_tflite_tensor(view, sc_tflite_index(view, view->inputs, i), &t);
        bytes += padded(t.elements);
    }
    return bytes;
}

// An upper bound of the arena. How its allocator packs tensors is known only when it has done it, so none shares here.
size_t arena_bytes(sc_tflite_t *view, sc_fault_t *fault) {
    size_t bytes = kOnce + kTensor * (view->inputs.count + view->outputs.count);
    for (uint32_t i = 0; i < view->tensors.count; i++) {
        sc_tflite_tensor_t t;
        bytes += kTensor;
        if (sc_tflite_tensor(view, static_cast<int32_t>(i), &t) == SC_OK && !t.data) {
            bytes += padded(t.elements);
        }
    }
    for (uint32_t i = 0; i < view->operators.count; i++) {
        sc_op_t op;
        sc_tflite_tensor_t out;
        if (!sc_checks_op(view, i, &op, fault) || sc_tflite_tensor(view, op.output, &out) != SC_OK) {
            return 0;
        }
        // MEAN adds in 32 bits, one sum for each element of its output.
        bytes += kOperator + kChannel * op.multipliers + (op.builtin == ::BuiltinOperator_MEAN ? 4 * out.elements : 0);
        // An LSTM keeps four vectors beside its states, and a description of each gate.
        if (op.state[0].bytes) {
            bytes += kOperator + 6 * padded(op.state[1].bytes) + padded(op.state[0].bytes);
        }
    }
    return bytes;
}

// Checks the file. Returns the bytes needed, 0 and a fault if refused.
size_t check(sc_tflite_t *view, const void *file, size_t length, const sc_scratch_t *scratch, uint64_t *macs,
             sc_fault_t *fault) {
    sc_plan_t plan;
    sc_prepare_t count = {};
    count.view = view;
    count.plan = &plan;
    count.fault = fault;
    sc_error_fail(fault, SC_OK);
    if (!sc_checks_graph(view, file, length, fault) || !sc_plan_make(&plan, view, scratch, fault)
        || !sc_prepare_operators(&count)) {
        return 0;
    }
    *macs = plan.macs;
    const size_t arena = arena_bytes(view, fault);
    return arena ? padded(sizeof(sc_model)) + ends_bytes(view) + inputs_bytes(view) + arena : 0;
}

} // namespace

extern "C" {

size_t sc_model_size(const void *file, size_t length, const sc_scratch_t *scratch, sc_fault_t *fault) {
    sc_tflite_t view;
    uint64_t macs;
    return check(&view, file, length, scratch, &macs, fault);
}

sc_model_t *sc_model_init(void *memory, size_t size, const void *file, size_t length, const sc_scratch_t *scratch,
                          sc_fault_t *fault) {
    sc_tflite_t view;
    uint64_t macs = 0;
    if (!memory) {
        sc_error_fail(fault, SC_E_MEMORY);
        return nullptr;
    }
    const size_t all = check(&view, file, length, scratch, &macs, fault);
    if (!all) {
        return nullptr;
    }
    if (size < all || (reinterpret_cast<uintptr_t>(memory) & 15)) {
        sc_error_fail(fault, size < all ? SC_E_MEMORY : SC_E_ALIGN);
        return nullptr;
    }
    memset(memory, 0, all);
    uint8_t *at = static_cast<uint8_t *>(memory);
    uint8_t *end = at + all;
    sc_model *m = new (memory) sc_model();
    m->view = view;
    m->macs = macs;
    at += padded(sizeof(sc_model));
    m->ends = reinterpret_cast<int8_t **>(at);
    at += ends_bytes(&view);
    for (uint32_t i = 0; i < view.inputs.count; i++) {
        sc_tflite_tensor_t t;
        sc_tflite_tensor(&view, sc_tflite_index(&view, view.inputs, i), &t);
        m->ends[i] = reinterpret_cast<int8_t *>(at);
        at += padded(t.elements);
    }
    MicroAllocator *allocator = MicroAllocator::Create(at, static_cast<size_t>(end - at));
    if (!allocator || !add_all(&m->resolver, &view)) {
        sc_error_fail(fault, SC_E_LIMIT);
        return nullptr;
    }
    MicroInterpreter *engine = new (m->interpreter) MicroInterpreter(GetModel(file), m->resolver, allocator);
    if (engine->AllocateTensors() != kTfLiteOk) {
        sc_error_fail(fault, SC_E_LIMIT);
        return nullptr;
    }
    for (uint32_t i = 0; i < view.outputs.count; i++) {
        int8_t *data = engine->output(i)->data.int8;
        const int32_t tensor = sc_tflite_index(&view, view.outputs, i);
        // An output that is an input as it stands.
        for (uint32_t k = 0; k < view.inputs.count; k++) {
            if (sc_tflite_index(&view, view.inputs, k) == tensor) {
                data = m->ends[k];
            }
        }
        m->ends[view.inputs.count + i] = data;
    }
    m->used = static_cast<size_t>(at - static_cast<uint8_t *>(memory)) + allocator->used_bytes();
    return m;
}

size_t sc_model_inputs(const sc_model_t *m) {
    return m->view.inputs.count;
}

size_t sc_model_outputs(const sc_model_t *m) {
    return m->view.outputs.count;
}

void sc_model_input(const sc_model_t *m, size_t i, sc_model_tensor_t *tensor) {
    sc_tflite_t view = m->view;
    sc_model_describe(&view, sc_tflite_index(&view, view.inputs, static_cast<uint32_t>(i)), m->ends[i], tensor);
}

void sc_model_output(const sc_model_t *m, size_t i, sc_model_tensor_t *tensor) {
    sc_tflite_t view = m->view;
    sc_model_describe(&view, sc_tflite_index(&view, view.outputs, static_cast<uint32_t>(i)),
                       m->ends[view.inputs.count + i], tensor);
}

size_t sc_model_arena_size(const sc_model_t *m) {
    return m->used;
}

uint64_t sc_model_macs(const sc_model_t *m) {
    return m->macs;
}

void sc_model_reset(sc_model_t *m) {
    m->engine()->Reset();
}

void sc_model_invoke(sc_model_t *m) {
    MicroInterpreter *engine = m->engine();
    for (uint32_t i = 0; i < m->view.inputs.count; i++) {
        auto *tensor = engine->input(i);
        memcpy(tensor->data.int8, m->ends[i], tensor->bytes);
    }
    engine->Invoke();
}

} // extern "C"
