// All that a program needs to run any model, every operator included. It is linked, not run.
#include <string.h>

#include "device.h"
#include "nn/model.h"

static _Alignas(16) uint8_t memory[1 << 16];
static volatile size_t length;

int main(void) {
    sc_fault_t fault;
    if (!sc_model_size(memory, length, NULL, &fault)) {
        return 1;
    }
    sc_model_t *model = sc_model_init(memory, length, memory, length, NULL, &fault);
    sc_model_tensor_t tensor;
    sc_model_input(model, 0, &tensor);
    memcpy(tensor.data, memory, tensor.size);
    sc_model_invoke(model);
    sc_model_output(model, 0, &tensor);
    return tensor.data[0];
}
