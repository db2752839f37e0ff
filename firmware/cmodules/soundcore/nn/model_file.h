// What the engines behind model.h have in common: they read the same files and report in the same way.
#ifndef SND_MODEL_FILE_H
#define SND_MODEL_FILE_H

#include "nn/model.h"
#include "nn/tflite_view.h"

// Sets a fault that concerns no operator or tensor. Returns 0.
size_t snd_model_fail(snd_fault_t *fault, snd_err_t code);
// Fills in what the file says of a tensor whose contents lie at `data`.
void snd_model_describe(snd_tflite_t *view, int32_t index, int8_t *data, snd_model_tensor_t *tensor);

#endif
