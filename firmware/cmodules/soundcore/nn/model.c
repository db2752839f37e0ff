#include "nn/model.h"

#include <string.h>
#include "nn/model_file.h"
#include "nn/plan.h"

// The caller's memory: this struct, the addresses of inputs and outputs, the records, the arena.
struct sc_model {
    sc_tflite_t view;
    const uint8_t *records;
    const uint8_t *records_end;
    size_t used;
    uint64_t macs;
    int8_t *ends[]; // inputs, then outputs
};

// What writing the records needs. Without memory nothing is written, only counted.
typedef struct {
    uint8_t *memory;
    size_t used;
    uint8_t *arena;
    sc_tflite_t *view;
    const sc_plan_t *plan;
    sc_fault_t *fault;
} writer_t;

static void *take(writer_t *w, size_t bytes, size_t align) {
    size_t at = (w->used + align - 1) & ~(align - 1);
    w->used = at + bytes;
    return w->memory ? w->memory + at : NULL;
}

static int8_t *writable(const writer_t *w, int32_t tensor) {
    return (int8_t *)w->arena + sc_plan_offset(w->plan, tensor);
}

static const int8_t *readable(const writer_t *w, int32_t tensor) {
    sc_tflite_tensor_t t;
    if (sc_plan_offset(w->plan, tensor) >= 0) {
        return writable(w, tensor);
    }
    return sc_tflite_tensor(w->view, tensor, &t) == SC_OK ? (const int8_t *)t.data : NULL;
}

static size_t record_size(uint32_t kind) {
    static const uint8_t sizes[] = {
        [SC_KERNEL_CONV] = sizeof(sc_kernel_conv_t),
        [SC_KERNEL_DEPTHWISE] = sizeof(sc_kernel_conv_t),
        [SC_KERNEL_ADD] = sizeof(sc_kernel_binary_t),
        [SC_KERNEL_MUL] = sizeof(sc_kernel_binary_t),
        [SC_KERNEL_LOGISTIC] = sizeof(sc_kernel_unary_t),
        [SC_KERNEL_TANH] = sizeof(sc_kernel_unary_t),
        [SC_KERNEL_SOFTMAX] = sizeof(sc_kernel_softmax_t),
        [SC_KERNEL_QUANTIZE] = sizeof(sc_kernel_unary_t),
        [SC_KERNEL_MEAN] = sizeof(sc_kernel_mean_t),
        [SC_KERNEL_MAX_POOL] = sizeof(sc_kernel_pool_t),
        [SC_KERNEL_AVERAGE_POOL] = sizeof(sc_kernel_pool_t),
        [SC_KERNEL_COPY] = sizeof(sc_kernel_copy_t),
        [SC_KERNEL_FILL] = sizeof(sc_kernel_fill_t),
    };
    return sizes[kind];
}

// Copies an operator's record and axes into the caller's memory, with its addresses; NULL while counting.
static void *put_record(writer_t *w, const sc_model_op_t *op) {
    const sc_kernel_t *record = &op->kernel.head;
    size_t size = record_size(record->kind), tail = record->axes * sizeof(op->axis[0]);
    size_t all = (size + tail + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    uint8_t *to = take(w, all, sizeof(void *));
    if (!to) {
        return NULL;
    }
    memcpy(to, record, size);
    memcpy(to + size, op->axis, tail);
    sc_kernel_t *head = (sc_kernel_t *)(void *)to;
    head->bytes = all & 0xffffff;
    head->a = readable(w, op->inputs[0]) + op->a_offset;
    head->b = op->input_count > 1 ? readable(w, op->inputs[1]) : NULL;
    head->out = writable(w, op->output) + op->out_offset;
    return to;
}

// A convolution's factors stand behind its record, which counts their bytes as its own.
static int put_conv(writer_t *w, const sc_model_op_t *op) {
    sc_kernel_conv_t *k = put_record(w, op);
    size_t before = w->used;
    int32_t *multiplier = take(w, op->factors * sizeof(int32_t), sizeof(int32_t));
    int8_t *shift = take(w, op->factors, 1);
    take(w, 0, sizeof(void *));
    for (uint32_t i = 0; i < op->factors; i++) {
        int32_t m;
        int8_t s;
        if (!sc_checks_factor(w->view, op, i, &m, &s, w->fault)) {
            return 0;
        }
        if (k) {
            multiplier[i] = m;
            shift[i] = s;
        }
    }
    if (k) {
        k->head.bytes = (k->head.bytes + (w->used - before)) & 0xffffff;
        k->multiplier = multiplier;
        k->shift = shift;
        k->bias = op->bias >= 0 ? (const int32_t *)(const void *)readable(w, op->bias) : NULL;
        k->scratch = writable(w, -1 - op->index);
    }
    return 1;
}

// One copy for each input that was not made in its place.
static void put_concatenation(writer_t *w, sc_model_op_t *op) {
    const int32_t outer = op->axis[0].count, row = op->axis[0].b_step;
    int32_t inputs[SC_CHECKS_MAX_INPUTS], count = op->input_count;
    memcpy(inputs, op->inputs, sizeof(inputs));
    op->input_count = 1;
    op->out_offset = 0;
    for (int32_t i = 0; i < count; i++) {
        op->inputs[0] = inputs[i];
        op->kernel.head.axes = 0;
        sc_checks_push_axis(op, op->pieces[i], 1, 1);
        sc_checks_push_axis(op, outer, op->pieces[i], row);
        if (!sc_plan_in_place(w->plan, op, 0, op->out_offset)) {
            put_record(w, op);
        }
        op->out_offset += op->pieces[i];
    }
}

// The whole output is set to its zero point before the input is copied into it.
static void put_fill(writer_t *w, const sc_model_op_t *op) {
    sc_tflite_tensor_t t;
    sc_kernel_fill_t *k = take(w, (sizeof(*k) + sizeof(void *) - 1) & ~(sizeof(void *) - 1), sizeof(void *));
    if (k && sc_tflite_tensor(w->view, op->output, &t) == SC_OK) {
        k->head.bytes = ((sizeof(*k) + sizeof(void *) - 1) & ~(sizeof(void *) - 1)) & 0xffffff;
        k->head.kind = SC_KERNEL_FILL;
        k->head.out = writable(w, op->output);
        k->count = (int32_t)t.elements;
        k->value = (int8_t)t.zero_point;
    }
}

static int put_op(writer_t *w, sc_model_op_t *op) {
    if (op->factors > 0) {
        return put_conv(w, op);
    }
    if (op->builtin == SC_OP_CONCATENATION) {
        put_concatenation(w, op);
        return 1;
    }
    if (op->builtin == SC_OP_RESHAPE && sc_plan_in_place(w->plan, op, 0, 0)) {
        return 1;
    }
    if (op->builtin == SC_OP_PAD) {
        put_fill(w, op);
    }
    void *record = put_record(w, op);
    if (record && op->scratch) {
        ((sc_kernel_pool_t *)record)->scratch = (int32_t *)(void *)writable(w, -1 - op->index);
    }
    return 1;
}

// Writes everything but the arena; the model's struct is zero on entry.
static int write_model(writer_t *w) {
    sc_tflite_t *view = w->view;
    size_t ends = view->inputs.count + view->outputs.count;
    sc_model_t *m = take(w, sizeof(*m) + ends * sizeof(m->ends[0]), sizeof(void *));
    size_t records = w->used;
    for (uint32_t k = 0; k < view->operators.count; k++) {
        sc_model_op_t op;
        if (!sc_checks_op(view, k, &op, w->fault) || !put_op(w, &op)) {
            return 0;
        }
    }
    if (m) {
        m->view = *view;
        m->records = w->memory + records;
        m->records_end = w->memory + w->used;
        m->macs = w->plan->macs;
        for (uint32_t i = 0; i < view->inputs.count; i++) {
            m->ends[i] = writable(w, sc_tflite_index(view, view->inputs, i));
        }
        for (uint32_t i = 0; i < view->outputs.count; i++) {
            m->ends[view->inputs.count + i] = writable(w, sc_tflite_index(view, view->outputs, i));
        }
    }
    return 1;
}

// Counts, then writes if there is memory. Returns the bytes needed, 0 and a fault if refused.
static size_t prepare(const void *file, size_t length, void *memory, size_t size, sc_fault_t *fault) {
    sc_tflite_t view;
    sc_plan_t plan;
    writer_t w = {.view = &view, .plan = &plan, .fault = fault};
    sc_model_fail(fault, SC_OK);
    if (!sc_checks_graph(&view, file, length, fault) || !sc_plan_make(&plan, &view, fault)
        || !write_model(&w)) {
        return 0;
    }
    size_t arena = (w.used + 15) & ~(size_t)15, all = arena + plan.bytes;
    if (!memory) {
        return all;
    }
    if (size < all) {
        return sc_model_fail(fault, SC_E_MEMORY);
    }
    if ((uintptr_t)memory & 15) {
        return sc_model_fail(fault, SC_E_ALIGN);
    }
    memset(memory, 0, all);
    w.memory = memory;
    w.used = 0;
    w.arena = w.memory + arena;
    write_model(&w);
    ((sc_model_t *)memory)->used = all;
    return all;
}

size_t sc_model_size(const void *file, size_t length, sc_fault_t *fault) {
    return prepare(file, length, NULL, 0, fault);
}

sc_model_t *sc_model_init(void *memory, size_t size, const void *file, size_t length, sc_fault_t *fault) {
    if (!memory) {
        sc_model_fail(fault, SC_E_MEMORY);
        return NULL;
    }
    return prepare(file, length, memory, size, fault) ? memory : NULL;
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

void sc_model_invoke(sc_model_t *m) {
    for (const uint8_t *at = m->records; at < m->records_end;) {
        const sc_kernel_t *head = (const sc_kernel_t *)(const void *)at;
        const void *k = at;
        switch ((sc_kernel_kind_t)head->kind) {
            case SC_KERNEL_CONV: sc_kernels_conv(k); break;
            case SC_KERNEL_DEPTHWISE: sc_kernels_depthwise(k); break;
            case SC_KERNEL_ADD: sc_kernels_add(k); break;
            case SC_KERNEL_MUL: sc_kernels_mul(k); break;
            case SC_KERNEL_LOGISTIC: sc_kernels_logistic(k); break;
            case SC_KERNEL_TANH: sc_kernels_tanh(k); break;
            case SC_KERNEL_SOFTMAX: sc_kernels_softmax(k); break;
            case SC_KERNEL_QUANTIZE: sc_kernels_quantize(k); break;
            case SC_KERNEL_MEAN: sc_kernels_mean(k); break;
            case SC_KERNEL_MAX_POOL: sc_kernels_max_pool(k); break;
            case SC_KERNEL_AVERAGE_POOL: sc_kernels_average_pool(k); break;
            case SC_KERNEL_COPY: sc_kernels_copy(k); break;
            case SC_KERNEL_FILL: sc_kernels_fill(k); break;
        }
        at += head->bytes;
    }
}
