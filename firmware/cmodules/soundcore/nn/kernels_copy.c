// Moving values without changing them.
#include "nn/kernels.h"

#include <string.h>

void sc_kernels_copy(const sc_kernel_copy_t *k) {
    sc_kernel_axis_t axis[4];
    sc_kernel_axes(k + 1, k->head.axes, axis);
    int contiguous = axis[3].a_step == 1 && axis[3].b_step == 1;
    for (int32_t i = 0; i < axis[0].count; i++) {
        for (int32_t j = 0; j < axis[1].count; j++) {
            for (int32_t l = 0; l < axis[2].count; l++) {
                const int8_t *a = k->head.a + i * axis[0].a_step + j * axis[1].a_step + l * axis[2].a_step;
                int8_t *out = k->head.out + i * axis[0].b_step + j * axis[1].b_step + l * axis[2].b_step;
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

void sc_kernels_fill(const sc_kernel_fill_t *k) {
    memset(k->head.out, k->value, (size_t)k->count);
}
