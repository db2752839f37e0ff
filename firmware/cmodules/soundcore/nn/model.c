#include "nn/model.h"

#include <string.h>
#include "nn/model_file.h"
#include "nn/ops.h"

// The caller's memory: this struct, the addresses of inputs and outputs, the records, the arena.
struct sc_model {
    sc_tflite_t view;
    const uint8_t *records;
    const uint8_t *records_end;
    size_t used;
    uint64_t macs;
    int8_t *ends[]; // inputs, then outputs
};

// Writes everything but the arena; the model's struct is zero on entry.
static int write_model(sc_prepare_t *p) {
    sc_tflite_t *view = p->view;
    size_t ends = view->inputs.count + view->outputs.count;
    sc_model_t *m = sc_prepare_take(p, sizeof(*m) + ends * sizeof(m->ends[0]), sizeof(void *));
    size_t records = p->used;
    if (!sc_prepare_operators(p)) {
        return 0;
    }
    if (m) {
        m->view = *view;
        m->records = p->memory + records;
        m->records_end = p->memory + p->used;
        m->macs = p->plan->macs;
        sc_model_reset(m);
        for (uint32_t i = 0; i < view->inputs.count; i++) {
            m->ends[i] = sc_prepare_writable(p, sc_tflite_index(view, view->inputs, i));
        }
        for (uint32_t i = 0; i < view->outputs.count; i++) {
            m->ends[view->inputs.count + i] = sc_prepare_writable(p, sc_tflite_index(view, view->outputs, i));
        }
    }
    return 1;
}

// Counts, then writes if there is memory. Returns the bytes needed, 0 and a fault if refused.
static size_t prepare(const void *file, size_t length, void *memory, size_t size, const sc_scratch_t *scratch,
                      sc_fault_t *fault) {
    sc_tflite_t view;
    sc_plan_t plan;
    sc_prepare_t p = {.view = &view, .plan = &plan, .fault = fault};
    sc_error_fail(fault, SC_OK);
    if (!sc_checks_graph(&view, file, length, fault) || !sc_plan_make(&plan, &view, scratch, fault)
        || !write_model(&p)) {
        return 0;
    }
    size_t arena = (p.used + 15) & ~(size_t)15, all = arena + plan.bytes;
    if (!memory) {
        return all;
    }
    if (size < all) {
        return (size_t)sc_error_fail(fault, SC_E_MEMORY);
    }
    if ((uintptr_t)memory & 15) {
        return (size_t)sc_error_fail(fault, SC_E_ALIGN);
    }
    memset(memory, 0, all);
    p.memory = memory;
    p.used = 0;
    p.arena = p.memory + arena;
    write_model(&p);
    ((sc_model_t *)memory)->used = all;
    return all;
}

size_t sc_model_size(const void *file, size_t length, const sc_scratch_t *scratch, sc_fault_t *fault) {
    return prepare(file, length, NULL, 0, scratch, fault);
}

sc_model_t *sc_model_init(void *memory, size_t size, const void *file, size_t length, const sc_scratch_t *scratch,
                          sc_fault_t *fault) {
    if (!memory) {
        sc_error_fail(fault, SC_E_MEMORY);
        return NULL;
    }
    return prepare(file, length, memory, size, scratch, fault) ? memory : NULL;
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
