#include "nn/cost.h"

#include <string.h>
#include "nn/ops.h"

static const struct {
    const char *name, *run;
} labels[SC_OPS_COUNT] = {
#define SC_X(name, options, least, most, optional, parts, check, prepare, run, method, file) {#name, "sc_op_" #run "_run"},
    SC_OPS(SC_X)
#undef SC_X
};

size_t sc_cost_read(const void *file, size_t length, sc_cost_entry_t *out, size_t room,
                    const sc_scratch_t *scratch, sc_fault_t *fault) {
    sc_tflite_t view;
    sc_plan_t plan;
    sc_error_fail(fault, SC_OK);
    if (!sc_checks_graph(&view, file, length, fault) || !sc_plan_make(&plan, &view, scratch, fault)) {
        return 0;
    }
    for (uint32_t i = 0; i < view.operators.count && i < room; i++) {
        sc_prepare_t p = {.view = &view, .plan = &plan, .fault = fault};
        sc_op_t op;
        sc_tflite_tensor_t t;
        if (!sc_checks_op(&view, i, &op, fault) || sc_tflite_tensor(&view, op.output, &t) != SC_OK) {
            return 0;
        }
        uint32_t row = op.record.head.op;
        out[i].name = labels[row].name;
        out[i].run = labels[row].run;
        out[i].dims = t.dims;
        memcpy(out[i].shape, t.shape, sizeof(t.shape));
        out[i].macs = op.macs;
        if (!sc_ops[row].prepare(&p, &op)) {
            return 0;
        }
        out[i].calls = p.records;
    }
    return view.operators.count;
}
