// What the engines behind model.h have in common: they read the same files.
#ifndef SC_MODEL_FILE_H
#define SC_MODEL_FILE_H

#include "nn/model.h"
#include "nn/tflite_view.h"

// Fills in what the file says of a tensor whose contents lie at `data`.
void sc_model_describe(sc_tflite_t *view, int32_t index, int8_t *data, sc_model_tensor_t *tensor);

#endif
