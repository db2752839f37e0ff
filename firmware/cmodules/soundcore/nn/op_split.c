// SPLIT, SPLIT_V, UNPACK and PACK: one tensor and its parts along one axis.
#include "nn/ops.h"

typedef struct {
    sc_record_t head; // a and out at their first elements
} copy_t;             // and its axes, as in op_copy.c

// Lays out `whole` as rows of parts along axis: how many rows, and the bytes of one. Returns those of size 1 of a part.
static int32_t set_rows(sc_op_t *op, const sc_tflite_tensor_t *whole, int32_t axis) {
    int32_t outer = 1, inner = 1;
    for (int32_t d = 0; d < whole->dims; d++) {
        outer *= d < axis ? whole->shape[d] : 1;
        inner *= d > axis ? whole->shape[d] : 1;
    }
    op->axis[0] = (sc_axis_t){outer, 0, whole->shape[axis] * inner};
    return inner;
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

// The outputs are parts of a. size: as in is_part. sizes: of each part, -1 for what its shape says; empty: `size`.
static int check_outputs(sc_checks_t *c, int32_t axis, int32_t size, sc_tflite_vector_t sizes) {
    sc_op_t *op = c->op;
    int64_t left = c->a.shape[axis];
    SC_CHECKS_RECORD(c, copy_t);
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        int32_t index = sc_tflite_index(c->view, op->outputs, i);
        if (!sc_checks_activation(c, index, &c->out) || !sc_checks_same_scale(c, &c->a, index)) {
            return 0;
        }
        if (c->out.data) {
            return sc_checks_fail(c, SC_E_CONST, index);
        }
        if (sizes.count) {
            size = sc_tflite_index(c->view, sizes, i);
            size = size == -1 && c->out.dims == c->a.dims ? c->out.shape[axis] : size;
        }
        if ((sizes.count && size < 1) || !is_part(&c->out, &c->a, axis, size)) {
            return sc_checks_fail(c, SC_E_SHAPE, index);
        }
        left -= size ? size : 1;
    }
    if (left) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    set_rows(op, &c->a, axis);
    op->layout = op->axis[0].count == 1 ? SC_LAYOUT_PARTS : SC_LAYOUT_APART;
    return 1;
}

// Along the axis that input `at` says; sizes as in check_outputs.
static int check_split(sc_checks_t *c, int32_t at, sc_tflite_vector_t sizes) {
    const int32_t parts = (int32_t)c->op->outputs.count;
    sc_tflite_vector_t axes;
    if (!sc_checks_ints(c, c->op->inputs[at], &axes)) {
        return 0;
    }
    if (axes.count != 1) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[at]);
    }
    int32_t axis = axis_of(c, sc_tflite_index(c->view, axes, 0), c->a.dims);
    if (axis < 0) {
        return 0;
    }
    if (sc_checks_option_int32(c, SC_SPLIT_OPTIONS_NUM_SPLITS, 0) != parts) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    int32_t size = c->a.shape[axis] / parts;
    return size ? check_outputs(c, axis, size, sizes) : sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[0]);
}

int sc_op_split_check(sc_checks_t *c) {
    return check_split(c, 1, (sc_tflite_vector_t){0, 0});
}

_Static_assert((int)SC_SPLIT_V_OPTIONS_NUM_SPLITS == (int)SC_SPLIT_OPTIONS_NUM_SPLITS, "check_split reads both");

int sc_op_split_v_check(sc_checks_t *c) {
    sc_tflite_vector_t sizes;
    if (!sc_checks_ints(c, c->op->inputs[1], &sizes)) {
        return 0;
    }
    return sizes.count == c->op->outputs.count ? check_split(c, 2, sizes)
                                               : sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[1]);
}

int sc_op_unpack_check(sc_checks_t *c) {
    int32_t axis = axis_of(c, sc_checks_option_int32(c, SC_UNPACK_OPTIONS_AXIS, 0), c->a.dims);
    if (axis < 0) {
        return 0;
    }
    if (sc_checks_option_int32(c, SC_UNPACK_OPTIONS_NUM, 0) != (int32_t)c->op->outputs.count) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    return check_outputs(c, axis, 0, (sc_tflite_vector_t){0, 0});
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
    if (op->input_count != c->out.shape[axis]) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    const int32_t part = set_rows(op, &c->out, axis);
    for (int32_t i = 0; i < op->input_count; i++) {
        op->pieces[i] = part;
    }
    op->layout = op->axis[0].count == 1 ? SC_LAYOUT_PIECES : SC_LAYOUT_APART;
    return 1;
}

// One copy for each output that does not lie in the input.
int sc_op_split_prepare(sc_prepare_t *p, sc_op_t *op) {
    const int32_t outer = op->axis[0].count, row = op->axis[0].b_step;
    const int computed = sc_plan_offset(p->plan, op->inputs[0]) >= 0;
    op->input_count = 1;
    op->a_offset = 0;
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        sc_tflite_tensor_t out;
        op->output = sc_tflite_index(p->view, op->outputs, i);
        if (sc_tflite_tensor(p->view, op->output, &out) != SC_OK) {
            return 0;
        }
        const int32_t part = (int32_t)out.elements / outer;
        op->record.head.axes = 0;
        sc_checks_push_axis(op, part, 1, 1);
        sc_checks_push_axis(op, outer, row, part);
        if (!computed || !sc_plan_in_place(p->plan, op, 0, -op->a_offset)) {
            sc_prepare_record(p, op);
        }
        op->a_offset += part;
    }
    return 1;
}
