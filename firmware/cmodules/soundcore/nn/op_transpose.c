// TRANSPOSE: the values in another order of the dimensions.
#include "nn/ops.h"

typedef struct {
    sc_record_t head; // a and out at their first elements
} copy_t;             // and its axes, as in op_copy.c

int sc_op_transpose_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_tflite_vector_t order;
    int32_t step[SC_TFLITE_MAX_DIMS], taken = 0, out_step = 1;
    SC_CHECKS_RECORD(c, copy_t);
    if (!sc_checks_ints(c, op->inputs[1], &order) || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    if (order.count != (uint32_t)c->a.dims) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    if (c->out.dims != c->a.dims) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    for (int32_t d = c->a.dims - 1, all = 1; d >= 0; d--) {
        step[d] = all;
        all *= c->a.shape[d];
    }
    sc_checks_push_axis(op, 1, 0, 0);
    for (int32_t d = c->out.dims - 1; d >= 0; d--) {
        int32_t from = sc_tflite_index(c->view, order, (uint32_t)d);
        from += from < 0 ? c->a.dims : 0;
        if (from < 0 || from >= c->a.dims || taken >> from & 1) {
            return sc_checks_fail(c, SC_E_OP_OPTIONS, op->inputs[1]);
        }
        taken |= 1 << from;
        if (c->out.shape[d] != c->a.shape[from]) {
            return sc_checks_fail(c, SC_E_SHAPE, op->output);
        }
        sc_checks_push_axis(op, c->out.shape[d], step[from], out_step);
        out_step *= c->out.shape[d];
    }
    return 1;
}
