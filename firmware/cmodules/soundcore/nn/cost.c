#include "nn/cost.h"

#include <string.h>
#include "nn/plan.h"

// As put_op of model.c writes its records.
static uint32_t kernels(const snd_model_plan_t *plan, const snd_model_op_t *op) {
    uint32_t count = 0;
    switch (op->builtin) {
        case SND_OP_CONCATENATION:
            for (int32_t i = 0, at = 0; i < op->input_count; at += op->pieces[i], i++) {
                count += !snd_model_plan_in_place(plan, op, i, at);
            }
            return count;
        case SND_OP_RESHAPE:
            return !snd_model_plan_in_place(plan, op, 0, 0);
        case SND_OP_PAD:
            return 2; // fill, then copy
        default:
            return 1;
    }
}

size_t snd_operators_read(const void *file, size_t length, snd_operators_entry_t *out, size_t room,
    snd_fault_t *fault) {
    snd_tflite_t view;
    snd_model_plan_t plan;
    fault->code = SND_OK;
    fault->op = fault->builtin = fault->tensor = -1;
    if (!snd_model_check_graph(&view, file, length, fault) || !snd_model_plan_make(&plan, &view, fault)) {
        return 0;
    }
    for (uint32_t i = 0; i < view.operators.count && i < room; i++) {
        snd_model_op_t op;
        snd_tflite_tensor_t t;
        if (!snd_model_check_op(&view, i, &op, fault) || snd_tflite_tensor(&view, op.output, &t) != SND_OK) {
            return 0;
        }
        out[i].name = snd_error_op_name(op.builtin);
        out[i].dims = t.dims;
        memcpy(out[i].shape, t.shape, sizeof(t.shape));
        out[i].macs = op.macs;
        out[i].kernels = kernels(&plan, &op);
    }
    return view.operators.count;
}
