// MEAN.
#include "nn/ops.h"
#include "nn/quantize.h"

// A sum of that many differences of two int8 fits 32 bits.
#define MAX_AVERAGED (1 << 23)

typedef struct {
    sc_record_t head; // a, out (kept[0], kept[1]); a_step: of a
    sc_axis_t kept[2], reduced[2];
    int32_t offset;   // zero point of a times the number of values averaged
    int32_t multiplier;
    int8_t shift, out_zero;
} mean_t;

// Splits the input's dimensions into kept and reduced ones; neighbours of a kind are one loop, so two of each suffice.
static uint32_t mean_axes(const sc_tflite_tensor_t *a, uint32_t reduced, mean_t *k) {
    int32_t step = 1, last = -1;
    int32_t left[2] = {2, 2};
    uint32_t averaged = 1;
    k->kept[0] = k->kept[1] = k->reduced[0] = k->reduced[1] = (sc_axis_t){1, 0, 0};
    for (int32_t d = a->dims - 1; d >= 0; d--) {
        int32_t kind = reduced >> d & 1, count = a->shape[d];
        if (count > 1) {
            sc_axis_t *axes = kind ? k->reduced : k->kept;
            if (kind != last) {
                axes[--left[kind]] = (sc_axis_t){1, step, 0};
                last = kind;
            }
            axes[left[kind]].count *= count;
            averaged *= kind ? (uint32_t)count : 1;
        }
        step *= count;
    }
    return averaged;
}

int sc_op_mean_check(sc_checks_t *c) {
    sc_op_t *op = c->op;
    mean_t *k = SC_CHECKS_RECORD(c, mean_t);
    sc_tflite_vector_t axes;
    uint32_t reduced = 0;
    if (!sc_checks_ints(c, op->inputs[1], &axes)) {
        return 0;
    }
    for (uint32_t i = 0; i < axes.count; i++) {
        int32_t axis = sc_tflite_index(c->view, axes, i);
        axis += axis < 0 ? c->a.dims : 0;
        if (axis < 0 || axis >= c->a.dims) {
            return sc_checks_fail(c, SC_E_SHAPE, op->inputs[1]);
        }
        reduced |= 1u << axis;
    }
    uint32_t averaged = mean_axes(&c->a, reduced, k);
    if (c->out.elements != c->a.elements / averaged) {
        return sc_checks_fail(c, SC_E_SHAPE, op->output);
    }
    if (averaged > MAX_AVERAGED) {
        return sc_checks_fail(c, SC_E_LIMIT, op->inputs[0]);
    }
    k->offset = c->a.zero_point * (int32_t)averaged;
    k->out_zero = (int8_t)c->out.zero_point;
    op->macs = c->a.elements;
    if (!sc_checks_multiplier(c, c->a.scale, 1, c->out.scale, &k->multiplier, &k->shift)) {
        return 0;
    }
    // The division is folded into the multiplier; as many bits as its log2 go into the shift, to keep the precision.
    int32_t bits = 0;
    while (bits < 31 + k->shift && averaged >> bits > 1) {
        bits++;
    }
    k->multiplier = (int32_t)(((int64_t)k->multiplier << bits) / averaged);
    k->shift = (int8_t)(k->shift - bits);
    return 1;
}

void sc_op_mean_run(const void *record) {
    const mean_t *k = record;
    const sc_axis_t *kept = k->kept, *reduced = k->reduced;
    int8_t *out = k->head.out;
    for (int32_t i = 0; i < kept[0].count; i++) {
        for (int32_t j = 0; j < kept[1].count; j++) {
            const int8_t *a = k->head.a + i * kept[0].a_step + j * kept[1].a_step;
            int32_t sum = 0;
            for (int32_t l = 0; l < reduced[0].count; l++) {
                const int8_t *b = a + l * reduced[0].a_step;
                for (int32_t m = 0; m < reduced[1].count; m++, b += reduced[1].a_step) {
                    sum += *b;
                }
            }
            *out++ = sc_quantize_output(sum - k->offset, k->multiplier, k->shift, k->out_zero, -128, 127);
        }
    }
}
