#include "nn/prepare.h"

#include <string.h>
#include "nn/ops.h"

void *sc_prepare_take(sc_prepare_t *p, size_t bytes, size_t align) {
    size_t at = (p->used + align - 1) & ~(align - 1);
    p->used = at + bytes;
    if (p->used > p->size) {
        p->memory = NULL;
    }
    return p->memory ? memset(p->memory + at, 0, bytes) : NULL;
}

int8_t *sc_prepare_writable(const sc_prepare_t *p, int32_t tensor) {
    return (int8_t *)p->arena + sc_plan_offset(p->plan, tensor);
}

const int8_t *sc_prepare_readable(const sc_prepare_t *p, int32_t tensor) {
    sc_tflite_tensor_t t;
    if (sc_plan_offset(p->plan, tensor) >= 0) {
        return sc_prepare_writable(p, tensor);
    }
    return sc_tflite_tensor(p->view, tensor, &t) == SC_OK ? (const int8_t *)t.data : NULL;
}

void *sc_prepare_record(sc_prepare_t *p, const sc_op_t *op) {
    size_t tail = op->record.head.axes * sizeof(op->axis[0]);
    size_t all = (op->record_bytes + tail + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    uint8_t *to = sc_prepare_take(p, all, sizeof(void *));
    p->records++;
    if (!to) {
        return NULL;
    }
    memcpy(to, op->record.bytes, op->record_bytes);
    memcpy(to + op->record_bytes, op->axis, tail);
    sc_record_t *head = (sc_record_t *)(void *)to;
    head->bytes = all & 0x1fffff;
    head->a = sc_prepare_readable(p, op->inputs[0]) + op->a_offset;
    head->b = op->input_count > 1 ? sc_prepare_readable(p, op->inputs[1]) : NULL;
    head->out = sc_prepare_writable(p, op->output) + op->out_offset;
    return to;
}

// The prepare of every operator that needs no more.
int sc_op_record_prepare(sc_prepare_t *p, sc_op_t *op) {
    sc_prepare_record(p, op);
    return 1;
}

int sc_prepare_operators(sc_prepare_t *p) {
    for (uint32_t i = 0; i < p->view->operators.count; i++) {
        sc_op_t op;
        if (!sc_checks_op(p->view, i, &op, p->fault) || !sc_ops[op.record.head.op].prepare(p, &op)) {
            return 0;
        }
    }
    return 1;
}
