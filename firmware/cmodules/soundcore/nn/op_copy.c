// RESHAPE, CONCATENATION, SLICE, STRIDED_SLICE and PAD: values move without changing.
#include <string.h>

#include "nn/ops.h"

typedef struct {
    sc_record_t head; // a and out at their first elements
} copy_t;             // and its axes

typedef struct {
    sc_record_t head; // as in copy_t
    int32_t before;   // bytes of the output in front of out
    int32_t count;    // of the whole output, which is set to value before a is copied into it
    int8_t value;
} pad_t;              // and its axes

int sc_op_reshape_check(sc_checks_t *c) {
    SC_CHECKS_RECORD(c, copy_t);
    c->op->layout = SC_LAYOUT_ALIAS;
    if (c->a.elements != c->out.elements) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    sc_checks_push_axis(c->op, (int32_t)c->a.elements, 1, 1);
    return sc_checks_same_scale(c, &c->a, c->op->inputs[0]);
}

int sc_op_concatenation_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    int32_t axis = sc_checks_option_int32(c, SC_CONCATENATION_OPTIONS_AXIS, 0);
    SC_CHECKS_RECORD(c, copy_t);
    axis += axis < 0 ? c->out.dims : 0;
    if (axis < 0 || axis >= c->out.dims) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    if (sc_checks_option_int8(c, SC_CONCATENATION_OPTIONS_FUSED_ACTIVATION_FUNCTION) != ActivationFunctionType_NONE) {
        return sc_checks_fail(c, SC_E_ACTIVATION, op->output);
    }
    int32_t outer = 1, inner = 1;
    int64_t left = c->out.shape[axis];
    for (int32_t d = 0; d < c->out.dims; d++) {
        outer *= d < axis ? c->out.shape[d] : 1;
        inner *= d > axis ? c->out.shape[d] : 1;
    }
    op->input_count = (int32_t)c->source.inputs.count;
    for (int32_t i = 0; i < op->input_count; i++) {
        sc_tflite_tensor_t in;
        if (!sc_checks_activation(c, op->inputs[i], &in) || !sc_checks_same_scale(c, &in, op->inputs[i])) {
            return 0;
        }
        int fits = in.dims == c->out.dims;
        for (int32_t d = 0; fits && d < in.dims; d++) {
            fits = d == axis || in.shape[d] == c->out.shape[d];
        }
        if (!fits) {
            return sc_checks_fail(c, SC_E_SHAPE, op->inputs[i]);
        }
        op->pieces[i] = in.shape[axis] * inner;
        left -= in.shape[axis];
    }
    op->axis[0] = (sc_axis_t){outer, 0, c->out.shape[axis] * inner};
    op->layout = outer == 1 ? SC_LAYOUT_PIECES : SC_LAYOUT_APART;
    return left == 0 || sc_checks_fail(c, SC_E_SHAPE, op->output);
}

int sc_op_slice_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_tflite_vector_t begin, size;
    SC_CHECKS_RECORD(c, copy_t);
    if (!sc_checks_ints(c, op->inputs[1], &begin) || !sc_checks_ints(c, op->inputs[2], &size)
        || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    uint32_t dims = (uint32_t)c->a.dims;
    if (begin.count != dims || size.count != dims) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    int32_t a_step = 1, out_step = 1, fits = c->out.dims == c->a.dims;
    for (int32_t d = c->a.dims - 1; fits && d >= 0; d--) {
        int32_t first = sc_tflite_index(c->view, begin, (uint32_t)d), count = sc_tflite_index(c->view, size, (uint32_t)d);
        int32_t room = first < 0 ? 0 : c->a.shape[d] - first;
        count = count == -1 ? room : count; // all that is left
        fits = count > 0 && count <= room && count == c->out.shape[d];
        if (fits) {
            sc_checks_push_axis(op, count, a_step, out_step);
            op->a_offset += first * a_step;
            a_step *= c->a.shape[d];
            out_step *= count;
        }
    }
    return fits || sc_checks_fail(c, SC_E_SHAPE, op->output);
}

// First index and count of a slice along one dimension, by NumPy's rules. 0 when it is empty.
static int32_t slice_axis(int32_t size, int32_t begin, int32_t end, int32_t step, int32_t *start) {
    int32_t low = step > 0 ? 0 : -1, high = low + size;
    begin += begin < 0 ? size : 0;
    end += end < 0 ? size : 0;
    begin = begin < low ? low : begin > high ? high : begin;
    end = end < low ? low : end > high ? high : end;
    *start = begin;
    int32_t reach = step > 0 ? end - begin : begin - end;
    return reach > 0 ? (int32_t)((uint32_t)(reach - 1) / (step > 0 ? (uint32_t)step : 0u - (uint32_t)step)) + 1 : 0;
}

int sc_op_strided_slice_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_tflite_vector_t begin, end, strides;
    int32_t begin_mask = sc_checks_option_int32(c, SC_STRIDED_SLICE_OPTIONS_BEGIN_MASK, 0);
    int32_t end_mask = sc_checks_option_int32(c, SC_STRIDED_SLICE_OPTIONS_END_MASK, 0);
    int32_t shrink_mask = sc_checks_option_int32(c, SC_STRIDED_SLICE_OPTIONS_SHRINK_AXIS_MASK, 0);
    SC_CHECKS_RECORD(c, copy_t);
    if (sc_checks_option_int32(c, SC_STRIDED_SLICE_OPTIONS_ELLIPSIS_MASK, 0)
        || sc_checks_option_int32(c, SC_STRIDED_SLICE_OPTIONS_NEW_AXIS_MASK, 0)
        || sc_checks_option_int8(c, SC_STRIDED_SLICE_OPTIONS_OFFSET)) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    if (!sc_checks_ints(c, op->inputs[1], &begin) || !sc_checks_ints(c, op->inputs[2], &end)
        || !sc_checks_ints(c, op->inputs[3], &strides)
        || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    uint32_t dims = (uint32_t)c->a.dims;
    if (begin.count != dims || end.count != dims || strides.count != dims) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    int32_t a_step = 1, out_step = 1, out_dim = c->out.dims;
    for (int32_t d = c->a.dims - 1; d >= 0; d--) {
        int32_t size = c->a.shape[d], bit = 1 << d, start;
        int32_t step = sc_tflite_index(c->view, strides, (uint32_t)d);
        if (step == 0) {
            return sc_checks_fail(c, SC_E_OP_OPTIONS, op->inputs[3]);
        }
        int32_t first = sc_tflite_index(c->view, begin, (uint32_t)d), last = sc_tflite_index(c->view, end, (uint32_t)d);
        first = begin_mask & bit ? (step > 0 ? 0 : size - 1) : first;
        last = end_mask & bit ? (step > 0 ? INT32_MAX : INT32_MIN) : last;
        int32_t count = slice_axis(size, first, last, step, &start);
        if (shrink_mask & bit) {
            count = start >= 0 && start < size; // one index; the dimension goes
        } else {
            out_dim--;
            count = out_dim >= 0 && c->out.shape[out_dim] == count ? count : 0;
        }
        if (count == 0) {
            return sc_checks_fail(c, SC_E_SHAPE, op->output);
        }
        // A step beyond the dimension is taken by a single value only, and need not be representable.
        sc_checks_push_axis(op, count, count > 1 ? step * a_step : 0, out_step);
        op->a_offset += start * a_step;
        a_step *= size;
        out_step *= count;
    }
    return out_dim == 0 || sc_checks_fail(c, SC_E_SHAPE, op->output);
}

int sc_op_pad_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    sc_tflite_vector_t pads;
    pad_t *k = SC_CHECKS_RECORD(c, pad_t);
    if (!sc_checks_ints(c, op->inputs[1], &pads) || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    if (c->out.dims != c->a.dims || pads.count != 2 * (uint32_t)c->a.dims) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    int32_t a_step = 1, out_step = 1;
    for (int32_t d = c->a.dims - 1; d >= 0; d--) {
        int32_t before = sc_tflite_index(c->view, pads, 2 * (uint32_t)d);
        int32_t after = sc_tflite_index(c->view, pads, 2 * (uint32_t)d + 1);
        if (before < 0 || after < 0 || (int64_t)c->a.shape[d] + before + after != c->out.shape[d]) {
            return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
        }
        sc_checks_push_axis(op, c->a.shape[d], a_step, out_step);
        op->out_offset += before * out_step;
        a_step *= c->a.shape[d];
        out_step *= c->out.shape[d];
    }
    k->before = op->out_offset;
    k->count = (int32_t)c->out.elements;
    k->value = (int8_t)c->out.zero_point;
    return 1;
}

int sc_op_reshape_prepare(sc_prepare_t *p, sc_op_t *op) {
    return sc_plan_in_place(p->plan, op, 0, 0) || sc_op_record_prepare(p, op);
}

// One copy for each input that was not made in its place.
int sc_op_concatenation_prepare(sc_prepare_t *p, sc_op_t *op) {
    const int32_t outer = op->axis[0].count, row = op->axis[0].b_step;
    int32_t inputs[SC_CHECKS_MAX_INPUTS], count = op->input_count;
    memcpy(inputs, op->inputs, sizeof(inputs));
    op->input_count = 1;
    op->out_offset = 0;
    for (int32_t i = 0; i < count; i++) {
        op->inputs[0] = inputs[i];
        op->record.head.axes = 0;
        sc_checks_push_axis(op, op->pieces[i], 1, 1);
        sc_checks_push_axis(op, outer, op->pieces[i], row);
        if (!sc_plan_in_place(p->plan, op, 0, op->out_offset)) {
            sc_prepare_record(p, op);
        }
        op->out_offset += op->pieces[i];
    }
    return 1;
}

// axes: those behind the record
static void copy(const sc_record_t *head, const void *axes) {
    sc_axis_t axis[4];
    sc_record_axes(axes, head->axes, axis);
    int contiguous = axis[3].a_step == 1 && axis[3].b_step == 1;
    for (int32_t i = 0; i < axis[0].count; i++) {
        for (int32_t j = 0; j < axis[1].count; j++) {
            for (int32_t l = 0; l < axis[2].count; l++) {
                const int8_t *a = head->a + i * axis[0].a_step + j * axis[1].a_step + l * axis[2].a_step;
                int8_t *out = head->out + i * axis[0].b_step + j * axis[1].b_step + l * axis[2].b_step;
                if (contiguous) {
                    memcpy(out, a, (size_t)axis[3].count);
                    continue;
                }
                for (int32_t m = 0; m < axis[3].count; m++, a += axis[3].a_step, out += axis[3].b_step) {
                    *out = *a;
                }
            }
        }
    }
}

void sc_op_copy_run(const void *record) {
    const copy_t *k = record;
    copy(&k->head, k + 1);
}

void sc_op_pad_run(const void *record) {
    const pad_t *k = record;
    memset(k->head.out - k->before, k->value, (size_t)k->count);
    copy(&k->head, k + 1);
}
