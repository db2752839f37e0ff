#include "nn/ops.h"

const sc_ops_row_t sc_ops[SC_OPS_COUNT] = {
#define SC_X(name, options, least, most, optional, parts, check, prepare, run, method, file) \
    {BuiltinOperator_##name, BuiltinOptions_##options, least, most, parts, optional, \
     sc_op_##check##_check, sc_op_##prepare##_prepare, sc_op_##run##_run},
    SC_OPS(SC_X)
#undef SC_X
};

uint32_t sc_ops_find(int32_t builtin) {
    uint32_t row = 0;
    while (row < SC_OPS_COUNT && sc_ops[row].builtin != builtin) {
        row++;
    }
    return row;
}
