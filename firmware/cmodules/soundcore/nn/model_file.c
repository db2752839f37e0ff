#include "nn/model_file.h"

#include <string.h>
#include "nn/plan.h"

_Static_assert(SC_MODEL_MAX_DIMS == SC_TFLITE_MAX_DIMS, "shapes are copied whole");

void sc_model_describe(sc_tflite_t *view, int32_t index, int8_t *data, sc_model_tensor_t *tensor) {
    sc_tflite_tensor_t t;
    sc_tflite_tensor(view, index, &t);
    tensor->data = data;
    tensor->size = t.elements;
    tensor->dims = t.dims;
    memcpy(tensor->shape, t.shape, sizeof(tensor->shape));
    tensor->scale = t.scale;
    tensor->zero_point = t.zero_point;
}

size_t sc_model_scratch(const void *file, size_t length) {
    sc_tflite_t view;
    return sc_checks_graph(&view, file, length, NULL) ? sc_plan_scratch(&view) : 0;
}

const void *sc_model_metadata(const void *file, size_t length, const char *name, size_t *size, sc_fault_t *fault) {
    sc_tflite_t view;
    uint32_t bytes = 0;
    sc_err_t error = sc_tflite_open(&view, file, length);
    const void *data = error == SC_OK ? sc_tflite_metadata(&view, name, &bytes, &error) : NULL;
    sc_error_fail(fault, error);
    *size = bytes;
    return data;
}
