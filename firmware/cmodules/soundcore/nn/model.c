#include "nn/model.h"

#include <string.h>
#include "nn/model_file.h"
#include "nn/ops.h"

// The caller's memory: this struct, the addresses of inputs and outputs, the arena, the records.
struct sc_model {
    sc_tflite_t view;
    const uint8_t *records;
    const uint8_t *records_end;
    size_t used;
    uint64_t macs;
    int8_t *ends[]; // inputs, then outputs
};

// Writes the model, or counts its bytes where there is no memory or not enough. Returns these, 0 and a fault if refused.
static size_t prepare(const void *file, size_t length, void *memory, size_t size, const sc_scratch_t *scratch,
                      sc_fault_t *fault) {
    sc_tflite_t view;
    sc_plan_t plan;
    sc_prepare_t p = {.memory = memory, .size = size, .view = &view, .plan = &plan, .fault = fault};
    sc_error_fail(fault, SC_OK);
    if (!sc_checks_graph(&view, file, length, fault) || !sc_plan_make(&plan, &view, scratch, fault)) {
        return 0;
    }
    size_t ends = view.inputs.count + view.outputs.count;
    sc_model_t *m = sc_prepare_take(&p, sizeof(*m) + ends * sizeof(m->ends[0]), sizeof(void *));
    p.arena = sc_prepare_take(&p, plan.bytes, sizeof(void *));
    size_t records = (p.used + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    if (!sc_prepare_operators(&p)) {
        return 0;
    }
    if (p.memory) {
        m->view = view;
        m->records = p.memory + records;
        m->records_end = p.memory + p.used;
        m->used = p.used;
        m->macs = plan.macs;
        for (uint32_t i = 0; i < ends; i++) {
            int output = i >= view.inputs.count;
            m->ends[i] = sc_prepare_writable(&p, sc_tflite_index(&view, output ? view.outputs : view.inputs,
                                                                 output ? i - view.inputs.count : i));
        }
        sc_model_reset(m);
    }
    return p.used;
}

size_t sc_model_size(const void *file, size_t length, const sc_scratch_t *scratch, sc_fault_t *fault) {
    return prepare(file, length, NULL, 0, scratch, fault);
}

sc_model_t *sc_model_init(void *memory, size_t size, const void *file, size_t length, const sc_scratch_t *scratch,
                          sc_fault_t *fault) {
    size_t used = prepare(file, length, (uintptr_t)memory & 15 ? NULL : memory, size, scratch, fault);
    if (used == 0) {
        return NULL;
    }
    if (!memory || used > size || (uintptr_t)memory & 15) {
        sc_error_fail(fault, memory && used <= size ? SC_E_ALIGN : SC_E_MEMORY);
        return NULL;
    }
    return memory;
}

size_t sc_model_inputs(const sc_model_t *m) {
    return m->view.inputs.count;
}

size_t sc_model_outputs(const sc_model_t *m) {
    return m->view.outputs.count;
}

void sc_model_input(const sc_model_t *m, size_t i, sc_model_tensor_t *tensor) {
    sc_tflite_t view = m->view;
    sc_model_describe(&view, sc_tflite_index(&view, view.inputs, (uint32_t)i), m->ends[i], tensor);
}

void sc_model_output(const sc_model_t *m, size_t i, sc_model_tensor_t *tensor) {
    sc_tflite_t view = m->view;
    sc_model_describe(&view, sc_tflite_index(&view, view.outputs, (uint32_t)i), m->ends[view.inputs.count + i], tensor);
}

size_t sc_model_arena_size(const sc_model_t *m) {
    return m->used;
}

uint64_t sc_model_macs(const sc_model_t *m) {
    return m->macs;
}

void sc_model_reset(sc_model_t *m) {
    for (const uint8_t *at = m->records; at < m->records_end;) {
        const sc_record_t *head = (const sc_record_t *)(const void *)at;
        if (head->op == SC_OPS_UNIDIRECTIONAL_SEQUENCE_LSTM) {
            sc_op_lstm_reset(at);
        }
        at += head->bytes;
    }
}

void sc_model_invoke(sc_model_t *m) {
    for (const uint8_t *at = m->records; at < m->records_end;) {
        const sc_record_t *head = (const sc_record_t *)(const void *)at;
        sc_ops[head->op].run(at);
        at += head->bytes;
    }
}
