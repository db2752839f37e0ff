// SOFTMAX.
#include "nn/ops.h"
#include "nn/quantize.h"
#include "nn/transcendental.h"

// Integer bits of what exp is computed from.
#define INTEGER_BITS (5)
// The sum of the exponentials has 12 integer bits.
#define MAX_DEPTH (4095)

typedef struct {
    sc_record_t head; // a (rows, depth), out (rows, depth)
    int32_t rows, depth;
    int32_t multiplier;
    int32_t diff_min; // what lies further below the row's maximum is 0
    int8_t shift;
} softmax_t;

int sc_op_softmax_check(sc_checks_t *c) {
    softmax_t *k = SC_CHECKS_RECORD(c, softmax_t);
    c->op->layout = SC_LAYOUT_IN_PLACE;
    if (!sc_checks_same_elements(c)) {
        return 0;
    }
    if (c->a.dims < 1 || c->out.dims != c->a.dims || c->out.shape[c->a.dims - 1] != c->a.shape[c->a.dims - 1]) {
        return sc_checks_fail(c, SC_E_SHAPE, c->op->output);
    }
    if (c->out.zero_point != -128 || c->out.scale != 1.0f / 256) {
        return sc_checks_fail(c, SC_E_QUANT, c->op->output);
    }
    k->depth = c->a.shape[c->a.dims - 1];
    k->rows = (int32_t)c->a.elements / k->depth;
    if (k->depth > MAX_DEPTH) {
        return sc_checks_fail(c, SC_E_LIMIT, c->op->inputs[0]);
    }
    float beta = sc_tflite_field_float(c->view, c->source.options, SC_SOFTMAX_OPTIONS_BETA, 0.0f);
    sc_quantized_multiplier_t factor = {INT32_MAX, 31}; // and no more
    if (beta > 0) {
        sc_quantized_multiplier_t real;
        if (sc_quantize_multiplier(beta, c->a.scale, 1.0f / (1 << (31 - INTEGER_BITS)), &real) == SC_OK) {
            factor = real;
        }
    }
    if (!(beta > 0) || factor.shift < 1 || (factor.shift == 1 && factor.multiplier == 1 << 30)) {
        return sc_checks_fail(c, SC_E_OP_OPTIONS, c->op->inputs[0]); // not above 1
    }
    k->multiplier = factor.multiplier;
    k->shift = (int8_t)factor.shift;
    k->diff_min = -((((1 << INTEGER_BITS) - 1) << (31 - INTEGER_BITS)) >> k->shift);
    return 1;
}

// exp of a difference to the row's maximum; 0 integer bits.
static int32_t softmax_exp(const softmax_t *k, int32_t difference) {
    int32_t shifted = (int32_t)((uint32_t)difference << k->shift);
    return sc_exp_on_negative_values(sc_saturating_rounding_doubling_high_mul(shifted, k->multiplier), INTEGER_BITS);
}

void sc_op_softmax_run(const void *record) {
    const softmax_t *k = record;
    const int8_t *row = k->head.a;
    int8_t *out = k->head.out;
    for (int32_t i = 0; i < k->rows; i++, row += k->depth, out += k->depth) {
        int32_t maximum = -128;
        for (int32_t c = 0; c < k->depth; c++) {
            maximum = row[c] > maximum ? row[c] : maximum;
        }
        uint32_t sum = 0; // 12 integer bits, enough for 4095 terms
        for (int32_t c = 0; c < k->depth; c++) {
            if (row[c] - maximum >= k->diff_min) {
                sum += (uint32_t)sc_rounding_divide_by_pot(softmax_exp(k, row[c] - maximum), 12);
            }
        }
        int32_t bits_over_unit;
        int32_t reciprocal = sc_get_reciprocal(sum, 12, &bits_over_unit);
        for (int32_t c = 0; c < k->depth; c++) {
            int32_t y = 0;
            if (row[c] - maximum >= k->diff_min && bits_over_unit <= 8) {
                y = sc_saturating_rounding_doubling_high_mul(reciprocal, softmax_exp(k, row[c] - maximum));
                y = sc_rounding_divide_by_pot(y, bits_over_unit + 23);
            }
            out[c] = (int8_t)(y > 255 ? 127 : y - 128);
        }
    }
}
