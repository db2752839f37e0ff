// SPLIT, UNPACK and PACK: one tensor and its equal parts along one axis.
#include "nn/ops.h"

typedef struct {
    sc_record_t head; // a and out at their first elements
} copy_t;             // and its axes, as in op_copy.c

// Lays out `whole` as parts of that size along axis: the bytes of a part in one row, and of the row. 0 if it does not
// fit.
static int set_parts(sc_checks_t *c, const sc_tflite_tensor_t *whole, int32_t axis, int32_t size, uint32_t parts) {
    sc_op_t *op = c->op;
    int32_t outer = 1, inner = 1;
    for (int32_t d = 0; d < whole->dims; d++) {
        outer *= d < axis ? whole->shape[d] : 1;
        inner *= d > axis ? whole->shape[d] : 1;
    }
    op->axis[0] = (sc_axis_t){outer, 0, whole->shape[axis] * inner};
    op->pieces[0] = size * inner;
    return (int64_t)size * parts == whole->shape[axis];
}

// An axis by NumPy's rules; -1 and a fault if there is none.
static int32_t axis_of(sc_checks_t *c, int32_t axis, int32_t dims) {
    axis += axis < 0 ? dims : 0;
    if (axis < 0 || axis >= dims) {
        sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
        return -1;
    }
    return axis;
}

// Whether a part has the whole's shape with `size` in place of axis; size 0: without that axis.
static int is_part(const sc_tflite_tensor_t *part, const sc_tflite_tensor_t *whole, int32_t axis, int32_t size) {
    int fits = part->dims == whole->dims - (size == 0);
    for (int32_t d = 0, at = 0; fits && d < whole->dims; d++) {
        if (d != axis || size) {
            fits = part->shape[at++] == (d == axis ? size : whole->shape[d]);
        }
    }
    return fits;
}

// The outputs are parts of a. size: as in is_part.
static int check_outputs(sc_checks_t *c, int32_t axis, int32_t size) {
    sc_op_t *op = c->op;
    SC_CHECKS_RECORD(c, copy_t);
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        int32_t index = sc_tflite_index(c->view, op->outputs, i);
        if (!sc_checks_activation(c, index, &c->out) || !sc_checks_same_scale(c, &c->a, index)) {
            return 0;
        }
        if (c->out.data) {
            return sc_checks_fail(c, SC_E_CONST, index);
        }
        if (!is_part(&c->out, &c->a, axis, size)) {
            return sc_checks_fail(c, SC_E_SHAPE, index);
        }
    }
    if (!set_parts(c, &c->a, axis, size ? size : 1, op->outputs.count)) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    op->layout = op->axis[0].count == 1 ? SC_LAYOUT_PARTS : SC_LAYOUT_APART;
    return 1;
}

int sc_op_split_check(sc_checks_t *c) {
    sc_tflite_vector_t axes;
    if (!sc_checks_ints(c, c->op->inputs[1], &axes)) {
        return 0;
    }
    if (axes.count != 1) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[1]);
    }
    int32_t axis = axis_of(c, sc_tflite_index(c->view, axes, 0), c->a.dims);
    if (axis < 0) {
        return 0;
    }
    if (sc_checks_option_int32(c, SC_SPLIT_OPTIONS_NUM_SPLITS, 0) != (int32_t)c->op->outputs.count) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    int32_t size = c->a.shape[axis] / (int32_t)c->op->outputs.count;
    return size ? check_outputs(c, axis, size) : sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[0]);
}

int sc_op_unpack_check(sc_checks_t *c) {
    int32_t axis = axis_of(c, sc_checks_option_int32(c, SC_UNPACK_OPTIONS_AXIS, 0), c->a.dims);
    if (axis < 0) {
        return 0;
    }
    if (sc_checks_option_int32(c, SC_UNPACK_OPTIONS_NUM, 0) != (int32_t)c->op->outputs.count) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    return check_outputs(c, axis, 0);
}

int sc_op_pack_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    SC_CHECKS_RECORD(c, copy_t);
    int32_t axis = axis_of(c, sc_checks_option_int32(c, SC_PACK_OPTIONS_AXIS, 0), c->out.dims);
    if (axis < 0) {
        return 0;
    }
    op->input_count = (int32_t)c->source.inputs.count;
    if (sc_checks_option_int32(c, SC_PACK_OPTIONS_VALUES_COUNT, 0) != op->input_count) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    for (int32_t i = 0; i < op->input_count; i++) {
        sc_tflite_tensor_t in;
        if (!sc_checks_activation(c, op->inputs[i], &in) || !sc_checks_same_scale(c, &in, op->inputs[i])) {
            return 0;
        }
        if (!is_part(&in, &c->out, axis, 0)) {
            return sc_checks_fail(c, SC_E_SHAPE, op->inputs[i]);
        }
    }
    if (!set_parts(c, &c->out, axis, 1, (uint32_t)op->input_count)) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    for (int32_t i = 1; i < op->input_count; i++) {
        op->pieces[i] = op->pieces[0];
    }
    op->layout = op->axis[0].count == 1 ? SC_LAYOUT_PIECES : SC_LAYOUT_APART;
    return 1;
}

// One copy for each output that does not lie in the input.
int sc_op_split_prepare(sc_prepare_t *p, sc_op_t *op) {
    const int32_t outer = op->axis[0].count, row = op->axis[0].b_step, part = op->pieces[0];
    const int computed = sc_plan_offset(p->plan, op->inputs[0]) >= 0;
    op->input_count = 1;
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        op->output = sc_tflite_index(p->view, op->outputs, i);
        op->record.head.axes = 0;
        sc_checks_push_axis(op, part, 1, 1);
        sc_checks_push_axis(op, outer, row, part);
        op->a_offset = (int32_t)i * part;
        if (!computed || !sc_plan_in_place(p->plan, op, 0, -op->a_offset)) {
            sc_prepare_record(p, op);
        }
    }
    return 1;
}
