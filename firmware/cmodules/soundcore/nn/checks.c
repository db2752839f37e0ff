#include "nn/checks.h"

#include <string.h>
#include "nn/ops.h"
#include "nn/quantize.h"

// As SC_E_COUNT says.
#define MAX_TENSORS (1024)
#define MAX_OPERATORS (512)
#define MAX_ENDS (64) // inputs or outputs of the graph

int sc_checks_fail(sc_checks_t *c, sc_err_t code, int32_t tensor) {
    // What was read past the end of the file is zeros; report the cause, not what they led to.
    return sc_error_set(c->fault, c->view->damaged ? SC_E_TRUNCATED : code, c->op->index, c->op->builtin, tensor);
}

// The rules of an int8 tensor that operators read or write.
static sc_err_t activation_rules(const sc_tflite_tensor_t *t) {
    if (t->type != TensorType_INT8) {
        return SC_E_TYPE;
    }
    if (t->scales.count != 1 || t->zero_points.count != 1 || !sc_quantize_is_scale(t->scale)
        || t->zero_point < -128 || t->zero_point > 127) {
        return SC_E_QUANT;
    }
    return t->data && t->bytes < t->elements ? SC_E_SIZE : SC_OK;
}

int sc_checks_activation(sc_checks_t *c, int32_t index, sc_tflite_tensor_t *t) {
    sc_err_t error = sc_tflite_tensor(c->view, index, t);
    if (error == SC_OK) {
        error = activation_rules(t);
    }
    return error == SC_OK ? 1 : sc_checks_fail(c, error, index);
}

int sc_checks_ints(sc_checks_t *c, int32_t index, sc_tflite_vector_t *values) {
    sc_tflite_tensor_t t;
    sc_err_t error = sc_tflite_tensor(c->view, index, &t);
    if (error == SC_OK) {
        error = t.type != TensorType_INT32 ? SC_E_TYPE : !t.data ? SC_E_CONST
                : t.bytes / 4 < t.elements ? SC_E_SIZE : SC_OK;
    }
    if (error != SC_OK) {
        return sc_checks_fail(c, error, index);
    }
    values->at = (uint32_t)(t.data - c->view->base);
    values->count = t.elements;
    return 1;
}

// Nearest quantized value of a real number; 0 when int32 does not hold it.
static int quantized(const sc_tflite_tensor_t *t, float real, int32_t *q) {
    float steps = real / t->scale;
    if (!(steps > -2147483648.0f && steps < 2147483520.0f)) {
        return 0;
    }
    *q = t->zero_point + sc_quantize_round(steps);
    return 1;
}

int sc_checks_range(sc_checks_t *c, int32_t activation, int8_t *low, int8_t *high) {
    static const float lows[] = {0.0f, 0.0f, -1.0f, 0.0f}, highs[] = {0.0f, 0.0f, 1.0f, 6.0f};
    int32_t least = -128, most = 127, q;
    if (activation < ActivationFunctionType_NONE || activation > ActivationFunctionType_RELU6) {
        return sc_checks_fail(c, SC_E_ACTIVATION, c->op->output);
    }
    if (activation != ActivationFunctionType_NONE) {
        if (!quantized(&c->out, lows[activation], &q)) {
            return sc_checks_fail(c, SC_E_QUANT, c->op->output);
        }
        least = q > least ? q : least;
    }
    if (activation > ActivationFunctionType_RELU) {
        if (!quantized(&c->out, highs[activation], &q)) {
            return sc_checks_fail(c, SC_E_QUANT, c->op->output);
        }
        most = q < most ? q : most;
    }
    *low = (int8_t)least;
    *high = (int8_t)most;
    return 1;
}

int sc_checks_same_scale(sc_checks_t *c, const sc_tflite_tensor_t *a, int32_t index) {
    float difference = a->scale - c->out.scale;
    if (a->zero_point != c->out.zero_point || difference > 1e-6f || difference < -1e-6f) {
        return sc_checks_fail(c, SC_E_QUANT, index);
    }
    return 1;
}

int sc_checks_multiplier(sc_checks_t *c, float x, float y, float z, int32_t *multiplier, int8_t *shift) {
    sc_quantized_multiplier_t factor;
    if (sc_quantize_multiplier(x, y, z, &factor) != SC_OK) {
        return sc_checks_fail(c, SC_E_MULTIPLIER, c->op->output);
    }
    *multiplier = factor.multiplier;
    *shift = (int8_t)factor.shift;
    return 1;
}

int sc_checks_same_elements(sc_checks_t *c) {
    return c->a.elements == c->out.elements || sc_checks_fail(c, SC_E_SHAPE, c->op->output);
}

int sc_checks_four_dims(sc_checks_t *c) {
    return (c->a.dims == 4 && c->out.dims == 4) || sc_checks_fail(c, SC_E_SHAPE, c->op->inputs[0]);
}

int32_t sc_checks_option_int8(sc_checks_t *c, uint32_t id) {
    return sc_tflite_field_int8(c->view, c->source.options, id, 0);
}

int32_t sc_checks_option_int32(sc_checks_t *c, uint32_t id, int32_t otherwise) {
    return sc_tflite_field_int32(c->view, c->source.options, id, otherwise);
}

void *sc_checks_record(sc_checks_t *c, size_t bytes) {
    c->op->record_bytes = (uint32_t)bytes;
    return c->op->record.bytes;
}

void sc_checks_push_axis(sc_op_t *op, int32_t count, int32_t a_step, int32_t b_step) {
    sc_axis_t *first = op->axis;
    uint32_t axes = op->record.head.axes;
    if (axes > 0 && count == 1) {
        return;
    }
    if (axes > 0 && a_step == first->a_step * first->count && b_step == first->b_step * first->count) {
        first->count *= count;
        return;
    }
    if (axes == 1 && first->count == 1) {
        axes = 0; // a lone value says nothing about steps
    }
    memmove(first + 1, first, axes * sizeof(*first));
    *first = (sc_axis_t){count, a_step, b_step};
    op->record.head.axes = (axes + 1) & 7;
}

int sc_checks_op(sc_tflite_t *view, uint32_t i, sc_op_t *op, sc_fault_t *fault) {
    sc_checks_t c = {.view = view, .fault = fault, .op = op};
    memset(op, 0, sizeof(*op));
    op->index = (int32_t)i;
    op->output = op->bias = -1;
    sc_err_t error = sc_tflite_operator(view, i, &c.source);
    op->builtin = c.source.builtin;
    if (error != SC_OK) {
        return sc_checks_fail(&c, error, -1);
    }
    uint32_t index = sc_ops_find(op->builtin);
    if (index == SC_OPS_COUNT) {
        return sc_checks_fail(&c, SC_E_OP, -1);
    }
    const sc_ops_row_t *row = &sc_ops[index];
    op->record.head.op = index & 0xff;
    if (c.source.options_type != 0 && c.source.options_type != row->options) {
        return sc_checks_fail(&c, SC_E_OP_OPTIONS, -1);
    }
    op->outputs = c.source.outputs;
    if (op->outputs.count < 1 || op->outputs.count > row->parts || c.source.inputs.count < row->least
        || c.source.inputs.count > row->most) {
        return sc_checks_fail(&c, SC_E_OP_ARITY, -1);
    }
    for (uint32_t k = 0; k < c.source.inputs.count; k++) {
        op->inputs[k] = sc_tflite_index(view, c.source.inputs, k);
        if (op->inputs[k] == -1 && !(row->optional >> k & 1)) {
            return sc_checks_fail(&c, SC_E_OP_ARITY, -1);
        }
    }
    if (op->builtin == BuiltinOperator_SPLIT) { // alone has its parameter in front
        int32_t axis = op->inputs[0];
        op->inputs[0] = op->inputs[1];
        op->inputs[1] = axis;
    }
    op->input_count = 1;
    op->output = sc_tflite_index(view, c.source.outputs, 0);
    if (!sc_checks_activation(&c, op->inputs[0], &c.a) || !sc_checks_activation(&c, op->output, &c.out)) {
        return 0;
    }
    if (c.out.data) {
        return sc_checks_fail(&c, SC_E_CONST, op->output);
    }
    return row->check(&c) && (!view->damaged || sc_checks_fail(&c, SC_E_TRUNCATED, -1));
}

int sc_checks_graph(sc_tflite_t *view, const void *file, size_t length, sc_fault_t *fault) {
    sc_err_t error = sc_tflite_open(view, file, length);
    if (error == SC_OK && ((uintptr_t)file & 3)) {
        error = SC_E_ALIGN;
    }
    if (error == SC_OK && (view->tensors.count > MAX_TENSORS || view->operators.count > MAX_OPERATORS
                            || view->inputs.count > MAX_ENDS || view->outputs.count > MAX_ENDS)) {
        error = SC_E_COUNT;
    }
    if (error == SC_OK && (view->inputs.count == 0 || view->outputs.count == 0 || view->operators.count == 0)) {
        error = SC_E_GRAPH;
    }
    if (error != SC_OK) {
        return sc_error_fail(fault, error);
    }
    for (uint32_t i = 0; i < view->inputs.count + view->outputs.count; i++) {
        sc_tflite_tensor_t t;
        int32_t index = i < view->inputs.count ? sc_tflite_index(view, view->inputs, i)
                                               : sc_tflite_index(view, view->outputs, i - view->inputs.count);
        error = sc_tflite_tensor(view, index, &t);
        if (error == SC_OK && (t.type != TensorType_INT8 || t.data)) {
            error = SC_E_IO;
        }
        if (error == SC_OK) {
            error = activation_rules(&t);
        }
        if (error != SC_OK) {
            return sc_error_set(fault, error, -1, -1, index);
        }
    }
    return 1;
}
