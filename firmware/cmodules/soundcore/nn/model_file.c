#include "nn/model_file.h"

#include <string.h>

_Static_assert(SND_MODEL_MAX_DIMS == SND_TFLITE_MAX_DIMS, "shapes are copied whole");

size_t snd_model_fail(snd_fault_t *fault, snd_err_t code) {
    fault->code = code;
    fault->op = fault->builtin = fault->tensor = -1;
    return 0;
}

void snd_model_describe(snd_tflite_t *view, int32_t index, int8_t *data, snd_model_tensor_t *tensor) {
    snd_tflite_tensor_t t;
    snd_tflite_tensor(view, index, &t);
    tensor->data = data;
    tensor->size = t.elements;
    tensor->dims = t.dims;
    memcpy(tensor->shape, t.shape, sizeof(tensor->shape));
    tensor->scale = t.scale;
    tensor->zero_point = t.zero_point;
}

const void *snd_model_metadata(const void *file, size_t length, const char *name, size_t *size, snd_fault_t *fault) {
    snd_tflite_t view;
    uint32_t bytes = 0;
    snd_err_t error = snd_tflite_open(&view, file, length);
    const void *data = error == SND_OK ? snd_tflite_metadata(&view, name, &bytes, &error) : NULL;
    snd_model_fail(fault, error);
    *size = bytes;
    return data;
}
