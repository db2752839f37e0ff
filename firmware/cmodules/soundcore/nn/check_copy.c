// Rules of the operators that only move values: reshape, concatenation, strided slice, pad.
#include "nn/checks.h"

int sc_check_copy_reshape(sc_checks_t *c) {
    c->op->kernel.head.kind = SC_KERNEL_COPY;
    if (c->a.elements != c->out.elements) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    sc_checks_push_axis(c->op, (int32_t)c->a.elements, 1, 1);
    return sc_checks_same_scale(c, &c->a, c->op->inputs[0]);
}

int sc_check_copy_concatenation(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    int32_t axis = sc_tflite_field_int32(c->view, c->source.options, 0, 0);
    axis += axis < 0 ? c->out.dims : 0;
    if (axis < 0 || axis >= c->out.dims) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    if (sc_tflite_field_int8(c->view, c->source.options, 1, 0) != 0) {
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
    op->kernel.head.kind = SC_KERNEL_COPY;
    op->axis[0] = (sc_kernel_axis_t){outer, 0, c->out.shape[axis] * inner};
    return left == 0 || sc_checks_fail(c, SC_E_SHAPE, op->output);
}

// First index and count of a slice along one dimension, by NumPy's rules. 0 when it is empty.
static int32_t slice_axis(int32_t size, int32_t begin, int32_t end, int32_t step, int32_t *start) {
    int64_t first = begin, stop = end;
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    first += first < 0 ? size : 0;
    stop += stop < 0 ? size : 0;
    first = first < low ? low : first > high ? high : first;
    stop = stop < low ? low : stop > high ? high : stop;
    *start = (int32_t)first;
    int64_t count = step > 0 ? (stop - first + step - 1) / step : (first - stop - (int64_t)step - 1) / -(int64_t)step;
    return count > 0 ? (int32_t)count : 0;
}

int sc_check_copy_strided_slice(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_tflite_vector_t begin, end, strides;
    int32_t masks[6]; // begin, end, ellipsis, new axis, shrink axis; offset
    for (uint32_t i = 0; i < 5; i++) {
        masks[i] = sc_tflite_field_int32(c->view, c->source.options, i, 0);
    }
    masks[5] = sc_tflite_field_int8(c->view, c->source.options, 5, 0);
    if (masks[2] || masks[3] || masks[5]) {
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
    op->kernel.head.kind = SC_KERNEL_COPY;
    int32_t a_step = 1, out_step = 1, out_dim = c->out.dims;
    for (int32_t d = c->a.dims - 1; d >= 0; d--) {
        int32_t size = c->a.shape[d], bit = 1 << d, start;
        int32_t step = sc_tflite_index(c->view, strides, (uint32_t)d);
        if (step == 0) {
            return sc_checks_fail(c, SC_E_OP_OPTIONS, op->inputs[3]);
        }
        int32_t first = sc_tflite_index(c->view, begin, (uint32_t)d), last = sc_tflite_index(c->view, end, (uint32_t)d);
        first = masks[0] & bit ? (step > 0 ? 0 : size - 1) : first;
        last = masks[1] & bit ? (step > 0 ? INT32_MAX : INT32_MIN) : last;
        int32_t count = slice_axis(size, first, last, step, &start);
        if (masks[4] & bit) {
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

int sc_check_copy_pad(sc_checks_t *c) {
    sc_model_op_t *op = c->op;
    sc_tflite_vector_t pads;
    if (!sc_checks_ints(c, op->inputs[1], &pads) || !sc_checks_same_scale(c, &c->a, op->inputs[0])) {
        return 0;
    }
    if (c->out.dims != c->a.dims || pads.count != 2 * (uint32_t)c->a.dims) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
    }
    op->kernel.head.kind = SC_KERNEL_COPY;
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
    return 1;
}
