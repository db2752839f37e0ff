#include "nn/cost.h"

#include <string.h>
#include "nn/plan.h"

// As put_op of model.c writes its records.
static uint32_t kernels(const sc_plan_t *plan, const sc_model_op_t *op) {
    uint32_t count = 0;
    switch (op->builtin) {
        case SC_OP_CONCATENATION:
            for (int32_t i = 0, at = 0; i < op->input_count; at += op->pieces[i], i++) {
                count += !sc_plan_in_place(plan, op, i, at);
            }
            return count;
        case SC_OP_RESHAPE:
            return !sc_plan_in_place(plan, op, 0, 0);
        case SC_OP_PAD:
            return 2; // fill, then copy
        default:
            return 1;
    }
}

size_t sc_cost_read(const void *file, size_t length, sc_cost_entry_t *out, size_t room,
    sc_fault_t *fault) {
    sc_tflite_t view;
    sc_plan_t plan;
    fault->code = SC_OK;
    fault->op = fault->builtin = fault->tensor = -1;
    if (!sc_checks_graph(&view, file, length, fault) || !sc_plan_make(&plan, &view, fault)) {
        return 0;
    }
    for (uint32_t i = 0; i < view.operators.count && i < room; i++) {
        sc_model_op_t op;
        sc_tflite_tensor_t t;
        if (!sc_checks_op(&view, i, &op, fault) || sc_tflite_tensor(&view, op.output, &t) != SC_OK) {
            return 0;
        }
        out[i].name = sc_error_op_name(op.builtin);
        out[i].dims = t.dims;
        memcpy(out[i].shape, t.shape, sizeof(t.shape));
        out[i].macs = op.macs;
        out[i].kernels = kernels(&plan, &op);
    }
    return view.operators.count;
}
