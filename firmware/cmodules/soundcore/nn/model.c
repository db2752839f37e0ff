#include "nn/model.h"

#include <string.h>
#include "nn/model_file.h"
#include "nn/plan.h"

// The caller's memory: this struct, the addresses of inputs and outputs, the records, the arena.
struct snd_model {
    snd_tflite_t view;
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
    snd_tflite_t *view;
    const snd_model_plan_t *plan;
    snd_fault_t *fault;
} writer_t;

static void *take(writer_t *w, size_t bytes, size_t align) {
    size_t at = (w->used + align - 1) & ~(align - 1);
    w->used = at + bytes;
    return w->memory ? w->memory + at : NULL;
}

static int8_t *writable(const writer_t *w, int32_t tensor) {
    return (int8_t *)w->arena + snd_model_plan_offset(w->plan, tensor);
}

static const int8_t *readable(const writer_t *w, int32_t tensor) {
    snd_tflite_tensor_t t;
    if (snd_model_plan_offset(w->plan, tensor) >= 0) {
        return writable(w, tensor);
    }
    return snd_tflite_tensor(w->view, tensor, &t) == SND_OK ? (const int8_t *)t.data : NULL;
}

static size_t record_size(uint32_t kind) {
    static const uint8_t sizes[] = {
        [SND_KERNEL_CONV] = sizeof(snd_kernel_conv_t),
        [SND_KERNEL_DEPTHWISE] = sizeof(snd_kernel_conv_t),
        [SND_KERNEL_ADD] = sizeof(snd_kernel_binary_t),
        [SND_KERNEL_MUL] = sizeof(snd_kernel_binary_t),
        [SND_KERNEL_LOGISTIC] = sizeof(snd_kernel_unary_t),
        [SND_KERNEL_TANH] = sizeof(snd_kernel_unary_t),
        [SND_KERNEL_SOFTMAX] = sizeof(snd_kernel_softmax_t),
        [SND_KERNEL_QUANTIZE] = sizeof(snd_kernel_unary_t),
        [SND_KERNEL_MEAN] = sizeof(snd_kernel_mean_t),
        [SND_KERNEL_MAX_POOL] = sizeof(snd_kernel_pool_t),
        [SND_KERNEL_AVERAGE_POOL] = sizeof(snd_kernel_pool_t),
        [SND_KERNEL_COPY] = sizeof(snd_kernel_copy_t),
        [SND_KERNEL_FILL] = sizeof(snd_kernel_fill_t),
    };
    return sizes[kind];
}

// Copies an operator's record and axes into the caller's memory, with its addresses; NULL while counting.
static void *put_record(writer_t *w, const snd_model_op_t *op) {
    const snd_kernel_t *record = &op->kernel.head;
    size_t size = record_size(record->kind), tail = record->axes * sizeof(op->axis[0]);
    size_t all = (size + tail + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    uint8_t *to = take(w, all, sizeof(void *));
    if (!to) {
        return NULL;
    }
    memcpy(to, record, size);
    memcpy(to + size, op->axis, tail);
    snd_kernel_t *head = (snd_kernel_t *)(void *)to;
    head->bytes = all & 0xffffff;
    head->a = readable(w, op->inputs[0]) + op->a_offset;
    head->b = op->input_count > 1 ? readable(w, op->inputs[1]) : NULL;
    head->out = writable(w, op->output) + op->out_offset;
    return to;
}

// A convolution's factors stand behind its record, which counts their bytes as its own.
static int put_conv(writer_t *w, const snd_model_op_t *op) {
    snd_kernel_conv_t *k = put_record(w, op);
    size_t before = w->used;
    int32_t *multiplier = take(w, op->factors * sizeof(int32_t), sizeof(int32_t));
    int8_t *shift = take(w, op->factors, 1);
    take(w, 0, sizeof(void *));
    for (uint32_t i = 0; i < op->factors; i++) {
        int32_t m;
        int8_t s;
        if (!snd_model_check_factor(w->view, op, i, &m, &s, w->fault)) {
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
static void put_concatenation(writer_t *w, snd_model_op_t *op) {
    const int32_t outer = op->axis[0].count, row = op->axis[0].b_step;
    int32_t inputs[SND_MODEL_MAX_INPUTS], count = op->input_count;
    memcpy(inputs, op->inputs, sizeof(inputs));
    op->input_count = 1;
    op->out_offset = 0;
    for (int32_t i = 0; i < count; i++) {
        op->inputs[0] = inputs[i];
        op->kernel.head.axes = 0;
        snd_model_check_push_axis(op, op->pieces[i], 1, 1);
        snd_model_check_push_axis(op, outer, op->pieces[i], row);
        if (!snd_model_plan_in_place(w->plan, op, 0, op->out_offset)) {
            put_record(w, op);
        }
        op->out_offset += op->pieces[i];
    }
}

// The whole output is set to its zero point before the input is copied into it.
static void put_fill(writer_t *w, const snd_model_op_t *op) {
    snd_tflite_tensor_t t;
    snd_kernel_fill_t *k = take(w, (sizeof(*k) + sizeof(void *) - 1) & ~(sizeof(void *) - 1), sizeof(void *));
    if (k && snd_tflite_tensor(w->view, op->output, &t) == SND_OK) {
        k->head.bytes = ((sizeof(*k) + sizeof(void *) - 1) & ~(sizeof(void *) - 1)) & 0xffffff;
        k->head.kind = SND_KERNEL_FILL;
        k->head.out = writable(w, op->output);
        k->count = (int32_t)t.elements;
        k->value = (int8_t)t.zero_point;
    }
}

static int put_op(writer_t *w, snd_model_op_t *op) {
    if (op->factors > 0) {
        return put_conv(w, op);
    }
    if (op->builtin == SND_OP_CONCATENATION) {
        put_concatenation(w, op);
        return 1;
    }
    if (op->builtin == SND_OP_RESHAPE && snd_model_plan_in_place(w->plan, op, 0, 0)) {
        return 1;
    }
    if (op->builtin == SND_OP_PAD) {
        put_fill(w, op);
    }
    void *record = put_record(w, op);
    if (record && op->scratch) {
        ((snd_kernel_pool_t *)record)->scratch = (int32_t *)(void *)writable(w, -1 - op->index);
    }
    return 1;
}

// Writes everything but the arena; the model's struct is zero on entry.
static int write_model(writer_t *w) {
    snd_tflite_t *view = w->view;
    size_t ends = view->inputs.count + view->outputs.count;
    snd_model_t *m = take(w, sizeof(*m) + ends * sizeof(m->ends[0]), sizeof(void *));
    size_t records = w->used;
    for (uint32_t k = 0; k < view->operators.count; k++) {
        snd_model_op_t op;
        if (!snd_model_check_op(view, k, &op, w->fault) || !put_op(w, &op)) {
            return 0;
        }
    }
    if (m) {
        m->view = *view;
        m->records = w->memory + records;
        m->records_end = w->memory + w->used;
        m->macs = w->plan->macs;
        for (uint32_t i = 0; i < view->inputs.count; i++) {
            m->ends[i] = writable(w, snd_tflite_index(view, view->inputs, i));
        }
        for (uint32_t i = 0; i < view->outputs.count; i++) {
            m->ends[view->inputs.count + i] = writable(w, snd_tflite_index(view, view->outputs, i));
        }
    }
    return 1;
}

// Counts, then writes if there is memory. Returns the bytes needed, 0 and a fault if refused.
static size_t prepare(const void *file, size_t length, void *memory, size_t size, snd_fault_t *fault) {
    snd_tflite_t view;
    snd_model_plan_t plan;
    writer_t w = {.view = &view, .plan = &plan, .fault = fault};
    snd_model_fail(fault, SND_OK);
    if (!snd_model_check_graph(&view, file, length, fault) || !snd_model_plan_make(&plan, &view, fault)
        || !write_model(&w)) {
        return 0;
    }
    size_t arena = (w.used + 15) & ~(size_t)15, all = arena + plan.bytes;
    if (!memory) {
        return all;
    }
    if (size < all) {
        return snd_model_fail(fault, SND_E_MEMORY);
    }
    if ((uintptr_t)memory & 15) {
        return snd_model_fail(fault, SND_E_ALIGN);
    }
    memset(memory, 0, all);
    w.memory = memory;
    w.used = 0;
    w.arena = w.memory + arena;
    write_model(&w);
    ((snd_model_t *)memory)->used = all;
    return all;
}

size_t snd_model_size(const void *file, size_t length, snd_fault_t *fault) {
    return prepare(file, length, NULL, 0, fault);
}

snd_model_t *snd_model_init(void *memory, size_t size, const void *file, size_t length, snd_fault_t *fault) {
    if (!memory) {
        snd_model_fail(fault, SND_E_MEMORY);
        return NULL;
    }
    return prepare(file, length, memory, size, fault) ? memory : NULL;
}

size_t snd_model_inputs(const snd_model_t *m) {
    return m->view.inputs.count;
}

size_t snd_model_outputs(const snd_model_t *m) {
    return m->view.outputs.count;
}

void snd_model_input(const snd_model_t *m, size_t i, snd_model_tensor_t *tensor) {
    snd_tflite_t view = m->view;
    snd_model_describe(&view, snd_tflite_index(&view, view.inputs, (uint32_t)i), m->ends[i], tensor);
}

void snd_model_output(const snd_model_t *m, size_t i, snd_model_tensor_t *tensor) {
    snd_tflite_t view = m->view;
    snd_model_describe(&view, snd_tflite_index(&view, view.outputs, (uint32_t)i), m->ends[view.inputs.count + i], tensor);
}

size_t snd_model_arena_size(const snd_model_t *m) {
    return m->used;
}

uint64_t snd_model_macs(const snd_model_t *m) {
    return m->macs;
}

void snd_model_invoke(snd_model_t *m) {
    for (const uint8_t *at = m->records; at < m->records_end;) {
        const snd_kernel_t *head = (const snd_kernel_t *)(const void *)at;
        const void *k = at;
        switch ((snd_kernel_kind_t)head->kind) {
            case SND_KERNEL_CONV: snd_kernels_conv(k); break;
            case SND_KERNEL_DEPTHWISE: snd_kernels_depthwise(k); break;
            case SND_KERNEL_ADD: snd_kernels_add(k); break;
            case SND_KERNEL_MUL: snd_kernels_mul(k); break;
            case SND_KERNEL_LOGISTIC: snd_kernels_logistic(k); break;
            case SND_KERNEL_TANH: snd_kernels_tanh(k); break;
            case SND_KERNEL_SOFTMAX: snd_kernels_softmax(k); break;
            case SND_KERNEL_QUANTIZE: snd_kernels_quantize(k); break;
            case SND_KERNEL_MEAN: snd_kernels_mean(k); break;
            case SND_KERNEL_MAX_POOL: snd_kernels_max_pool(k); break;
            case SND_KERNEL_AVERAGE_POOL: snd_kernels_average_pool(k); break;
            case SND_KERNEL_COPY: snd_kernels_copy(k); break;
            case SND_KERNEL_FILL: snd_kernels_fill(k); break;
        }
        at += head->bytes;
    }
}
