// One invoke of a model. Parts: the .tflite, the bytes of all inputs. Writes the arena's bytes (one word), then all
// outputs.
#include <string.h>

#include "device.h"
#include "nn/model.h"

static _Alignas(16) uint8_t memory[1 << 20], scratch_memory[1 << 18];

int main(void) {
    part_t file = device_part(0), input = device_part(1);
    sc_fault_t fault;
    sc_scratch_t scratch = {scratch_memory, sizeof(scratch_memory)};
    sc_model_t *model = sc_model_init(memory, sizeof(memory), file.data, file.bytes, &scratch, &fault);
    if (!model) {
        return 10 + (int)fault.code;
    }
    sc_model_tensor_t tensor;
    for (size_t i = 0; i < sc_model_inputs(model); i++) {
        sc_model_input(model, i, &tensor);
        if (tensor.size > input.bytes) {
            return 1;
        }
        memcpy(tensor.data, input.data, tensor.size);
        input.data += tensor.size;
        input.bytes -= tensor.size;
    }
    if (input.bytes) {
        return 1;
    }
    sc_model_invoke(model);
    uint32_t arena = (uint32_t)sc_model_arena_size(model);
    device_write(&arena, sizeof(arena));
    for (size_t i = 0; i < sc_model_outputs(model); i++) {
        sc_model_output(model, i, &tensor);
        device_write(tensor.data, tensor.size);
    }
    return 0;
}
