// UNIDIRECTIONAL_SEQUENCE_LSTM with int8 input and output and an int16 cell, without peepholes, projection, layer
// normalization or coupled gates. Its states are the operator's own and stay from one run to the next.
#include <string.h>

#include "hot.h"
#include "nn/ops.h"
#include "nn/quantize.h"
#include "nn/transcendental.h"

// Inputs, in the order of the schema.
enum { INPUT, TO_INPUT, TO_FORGET, TO_CELL, TO_OUTPUT, FROM_INPUT = 5, CELL_TO_INPUT = 9, BIAS_INPUT = 12,
       PROJECTION = 16, OUTPUT_STATE = 18, CELL_STATE, NORM_INPUT };
enum { GATE_INPUT, GATE_FORGET, GATE_CELL, GATE_OUTPUT, GATES };

typedef struct {
    const int8_t *input;     // (units, in)
    const int8_t *recurrent; // (units, units)
    const int32_t *bias;     // (units)
    int32_t input_multiplier, recurrent_multiplier;
    int8_t input_shift, recurrent_shift;
} gate_t;

typedef struct {
    sc_record_t head;        // a (batches, steps, in) or (steps, batches, in); out likewise (…, units)
    const gate_t *gates;     // (GATES)
    int8_t *hidden;          // (batches, units)
    int16_t *cell;           // (batches, units)
    int32_t forget_multiplier, update_multiplier, out_multiplier;
    uint16_t batches, steps, in, units;
    int16_t clip;            // of the cell, 0: none
    int8_t forget_shift, update_shift, out_shift;
    int8_t tanh_left;        // from the cell's scale to 2^-12
    int8_t in_zero, hidden_zero, time_major;
} lstm_t;

static int same_scale(const sc_tflite_tensor_t *a, const sc_tflite_tensor_t *b) {
    return a->scale == b->scale && a->zero_point == b->zero_point;
}

static int check_weights(sc_checks_t *c, int32_t input, int32_t units, int32_t width) {
    sc_tflite_tensor_t w;
    int32_t index = c->op->inputs[input];
    sc_err_t error = sc_tflite_tensor(c->view, index, &w);
    if (error == SC_OK) {
        error = w.type != TensorType_INT8 ? SC_E_TYPE : !w.data ? SC_E_CONST
                : w.dims != 2 || w.shape[0] != units || w.shape[1] != width ? SC_E_SHAPE
                : w.bytes < w.elements ? SC_E_SIZE
                : w.scales.count != 1 || w.zero_points.count != 1 || w.zero_point || !sc_quantize_is_scale(w.scale)
                ? SC_E_QUANT : SC_OK;
    }
    return error == SC_OK || sc_checks_fail(c, error, index);
}

static int check_bias(sc_checks_t *c, int32_t input, int32_t units) {
    sc_tflite_tensor_t bias;
    int32_t index = c->op->inputs[input];
    sc_err_t error = sc_tflite_tensor(c->view, index, &bias);
    if (error == SC_OK) {
        error = bias.type != TensorType_INT32 ? SC_E_TYPE : !bias.data ? SC_E_CONST
                : bias.elements != (uint32_t)units ? SC_E_SHAPE : bias.bytes / 4 < bias.elements ? SC_E_SIZE
                : (uintptr_t)bias.data & 3 ? SC_E_ALIGN : SC_OK;
    }
    return error == SC_OK || sc_checks_fail(c, error, index);
}

// State k of the operator: variable, of that type and with that many elements.
static int check_state(sc_checks_t *c, int32_t k, int32_t input, int32_t type, uint32_t elements,
                       sc_tflite_tensor_t *t) {
    int32_t index = c->op->inputs[input];
    sc_err_t error = sc_tflite_variable(c->view, index, t);
    if (error == SC_OK) {
        error = t->type != type ? SC_E_TYPE : t->data ? SC_E_CONST : t->elements != elements ? SC_E_SHAPE
                : t->scales.count != 1 || t->zero_points.count != 1 || !sc_quantize_is_scale(t->scale) ? SC_E_QUANT
                : SC_OK;
    }
    if (error != SC_OK) {
        return sc_checks_fail(c, error, index);
    }
    c->op->state[k].tensor = index;
    c->op->state[k].bytes = elements * (type == TensorType_INT16 ? 2 : 1);
    return 1;
}

// The power of two that a scale is; 1 and more where it is none.
static int32_t power_of_two(float scale) {
    uint32_t bits = sc_quantize_float_bits(scale);
    int32_t power = (int32_t)(bits >> 23) - 127;
    return bits << 9 == 0 && power >= -15 && power <= 0 ? power : 1;
}

static int check_numbers(sc_checks_t *c, lstm_t *k, const sc_tflite_tensor_t *hidden, const sc_tflite_tensor_t *cell) {
    sc_op_t *op = c->op;
    const float unit = 1.0f / (1 << 15); // of gates
    float clip = sc_tflite_field_float(c->view, c->source.options, SC_UNIDIRECTIONAL_SEQUENCE_LSTM_OPTIONS_CELL_CLIP, 0);
    int32_t power = power_of_two(cell->scale);
    if (power > 0 || cell->zero_point) {
        return sc_checks_fail(c, SC_E_QUANT, op->state[1].tensor);
    }
    if (!same_scale(hidden, &c->out)) {
        return sc_checks_fail(c, SC_E_QUANT, op->output);
    }
    if (!(clip >= 0)) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, -1);
    }
    float steps = clip / cell->scale; // exact
    k->clip = (int16_t)(steps > 32767 ? 32767 : (int32_t)steps);
    k->tanh_left = (int8_t)(12 + power);
    k->in_zero = (int8_t)c->a.zero_point;
    k->hidden_zero = (int8_t)hidden->zero_point;
    return sc_checks_multiplier(c, unit, 1, 1, &k->forget_multiplier, &k->forget_shift)
           && sc_checks_multiplier(c, unit, unit, cell->scale, &k->update_multiplier, &k->update_shift)
           && sc_checks_multiplier(c, unit, unit, hidden->scale, &k->out_multiplier, &k->out_shift);
}

int sc_op_lstm_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    lstm_t *k = SC_CHECKS_RECORD(c, lstm_t);
    sc_tflite_tensor_t hidden, cell;
    for (int32_t i = 0; i < 24; i++) {
        int optional = (i >= CELL_TO_INPUT && i < BIAS_INPUT) || i == PROJECTION || i == PROJECTION + 1 || i >= NORM_INPUT;
        if (optional && op->inputs[i] != -1) {
            return sc_checks_fail(c, SC_E_OP_OPTIONS, op->inputs[i]);
        }
    }
    if (sc_checks_option_int8(c, SC_UNIDIRECTIONAL_SEQUENCE_LSTM_OPTIONS_FUSED_ACTIVATION_FUNCTION)
        != ActivationFunctionType_TANH) {
        return sc_checks_fail(c, SC_E_ACTIVATION, op->output);
    }
    k->time_major = sc_checks_option_int8(c, SC_UNIDIRECTIONAL_SEQUENCE_LSTM_OPTIONS_TIME_MAJOR) != 0;
    if (c->a.dims != 3) {
        return sc_checks_fail(c, SC_E_SHAPE, op->inputs[INPUT]);
    }
    int32_t units = c->out.shape[2], in = c->a.shape[2];
    if (c->out.dims != 3 || c->out.shape[0] != c->a.shape[0] || c->out.shape[1] != c->a.shape[1]) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    k->batches = (uint16_t)c->a.shape[k->time_major ? 1 : 0];
    k->steps = (uint16_t)c->a.shape[k->time_major ? 0 : 1];
    k->in = (uint16_t)in;
    k->units = (uint16_t)units;
    op->macs = (uint64_t)k->batches * k->steps * GATES * (uint32_t)units * (uint32_t)(in + units);
    for (int32_t g = 0; g < GATES; g++) {
        if (!check_weights(c, TO_INPUT + g, units, in) || !check_weights(c, FROM_INPUT + g, units, units)
            || !check_bias(c, BIAS_INPUT + g, units)) {
            return 0;
        }
    }
    uint32_t elements = (uint32_t)k->batches * (uint32_t)units;
    return check_state(c, 0, OUTPUT_STATE, TensorType_INT8, elements, &hidden)
           && check_state(c, 1, CELL_STATE, TensorType_INT16, elements, &cell)
           && (hidden.zero_point >= -128 && hidden.zero_point <= 127 ? 1
               : sc_checks_fail(c, SC_E_QUANT, op->state[0].tensor))
           && check_numbers(c, k, &hidden, &cell);
}

// The multiplier of one of a gate's matrices, of an input with that scale. 0 and a fault if it cannot be held.
static int set_matrix(sc_prepare_t *p, const sc_op_t *op, int32_t input, float scale, int32_t *multiplier,
                      int8_t *shift) {
    sc_tflite_tensor_t w;
    sc_quantized_multiplier_t factor;
    sc_tflite_tensor(p->view, op->inputs[input], &w);
    // The reference multiplies in single precision here; what is activated has 12 fractional bits.
    sc_err_t error = sc_quantize_multiplier(scale * w.scale, 1 << 12, 1, &factor);
    // A sum that its shift to the left takes out of 32 bits is undefined in the reference.
    if (error == SC_OK && factor.shift > 0 && ((uint64_t)w.shape[1] * 128 * 255) >> (31 - factor.shift)) {
        error = SC_E_MULTIPLIER;
    }
    if (error != SC_OK) {
        return sc_error_set(p->fault, error, op->index, op->builtin, op->inputs[input]);
    }
    *multiplier = factor.multiplier;
    *shift = (int8_t)factor.shift;
    return 1;
}

// The gates follow the record, which counts their bytes as its own.
int sc_op_lstm_prepare(sc_prepare_t *p, sc_op_t *op) {
    sc_tflite_tensor_t a, hidden;
    sc_tflite_tensor(p->view, op->inputs[INPUT], &a);
    sc_tflite_variable(p->view, op->state[0].tensor, &hidden);
    lstm_t *k = sc_prepare_record(p, op);
    gate_t *gates = sc_prepare_take(p, GATES * sizeof(gate_t), sizeof(void *));
    for (int32_t g = 0; g < GATES; g++) {
        gate_t gate;
        if (!set_matrix(p, op, TO_INPUT + g, a.scale, &gate.input_multiplier, &gate.input_shift)
            || !set_matrix(p, op, FROM_INPUT + g, hidden.scale, &gate.recurrent_multiplier, &gate.recurrent_shift)) {
            return 0;
        }
        if (gates) {
            gate.input = sc_prepare_readable(p, op->inputs[TO_INPUT + g]);
            gate.recurrent = sc_prepare_readable(p, op->inputs[FROM_INPUT + g]);
            gate.bias = (const int32_t *)(const void *)sc_prepare_readable(p, op->inputs[BIAS_INPUT + g]);
            gates[g] = gate;
        }
    }
    if (gates) {
        k->head.bytes = (k->head.bytes + GATES * sizeof(gate_t)) & 0x1fffff;
        k->gates = gates;
        k->hidden = sc_prepare_writable(p, op->state[0].tensor);
        k->cell = (int16_t *)(void *)sc_prepare_writable(p, op->state[1].tensor);
    }
    return 1;
}

void sc_op_lstm_reset(const void *record) {
    const lstm_t *k = record;
    size_t states = (size_t)k->batches * k->units;
    memset(k->hidden, k->hidden_zero, states);
    memset(k->cell, 0, states * sizeof(*k->cell));
}

static int32_t saturate(int32_t x) {
    return x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x;
}

// The sum of a row's products with x, in units of 2^-12, 16 bits.
static SC_HOT int32_t row(const int8_t *w, const int8_t *x, int32_t zero, int32_t length, int32_t bias,
                          int32_t multiplier, int32_t shift) {
    int32_t sum = 0;
    for (int32_t i = 0; i < length; i++) {
        sum += w[i] * (x[i] - zero);
    }
    sum = (int32_t)((uint32_t)sum + (uint32_t)bias);
    return saturate(sc_multiply_by_quantized_multiplier(sum, multiplier, shift));
}

static int16_t gate_sum(const lstm_t *k, int32_t gate, const int8_t *x, const int8_t *hidden, int32_t unit) {
    const gate_t *g = &k->gates[gate];
    int32_t from_x = row(g->input + unit * k->in, x, k->in_zero, k->in, g->bias[unit], g->input_multiplier,
                         g->input_shift);
    int32_t from_state = row(g->recurrent + unit * k->units, hidden, k->hidden_zero, k->units, 0,
                             g->recurrent_multiplier, g->recurrent_shift);
    return (int16_t)saturate(from_x + from_state);
}

// One step of one sequence. All units read the hidden state, so the new one is made in the output.
static void step(const lstm_t *k, const int8_t *x, int8_t *hidden, int16_t *cell, int8_t *out) {
    for (int32_t j = 0; j < k->units; j++) {
        int32_t forget = sc_logistic_16(gate_sum(k, GATE_FORGET, x, hidden, j));
        int32_t input = sc_logistic_16(gate_sum(k, GATE_INPUT, x, hidden, j));
        int32_t update = sc_tanh_16(gate_sum(k, GATE_CELL, x, hidden, j), 0);
        int32_t output = sc_logistic_16(gate_sum(k, GATE_OUTPUT, x, hidden, j));
        int32_t kept = sc_multiply_by_quantized_multiplier(forget * cell[j], k->forget_multiplier, k->forget_shift);
        int32_t added = sc_multiply_by_quantized_multiplier(input * update, k->update_multiplier, k->update_shift);
        int32_t sum = saturate(saturate(kept) + saturate(added));
        if (k->clip > 0) {
            sum = sum > k->clip ? k->clip : sum < -k->clip ? -k->clip : sum;
        }
        cell[j] = (int16_t)sum;
        out[j] = sc_quantize_output(output * sc_tanh_16((int16_t)sum, k->tanh_left), k->out_multiplier, k->out_shift,
                                    k->hidden_zero, -128, 127);
    }
    memcpy(hidden, out, k->units);
}

void sc_op_lstm_run(const void *record) {
    const lstm_t *k = record;
    for (int32_t b = 0; b < k->batches; b++) {
        for (int32_t t = 0; t < k->steps; t++) {
            int32_t at = k->time_major ? t * k->batches + b : b * k->steps + t;
            step(k, k->head.a + at * k->in, k->hidden + b * k->units, k->cell + b * k->units,
                 k->head.out + at * k->units);
        }
    }
}
