// Bounded reading of a .tflite file (a flatbuffer, schema version 3) where it lies. Nothing here follows an offset
// that it has not compared with the file's length; a read that would leave the file returns 0 and marks the view.
#ifndef SND_TFLITE_VIEW_H
#define SND_TFLITE_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"

#define SND_TFLITE_MAX_DIMS (4)
#define SND_TFLITE_MAX_DIM (65535)
#define SND_TFLITE_MAX_ELEMENTS (1u << 26)

// Types of the schema (TensorType).
enum { SND_TFLITE_INT32 = 2, SND_TFLITE_INT8 = 9 };

typedef struct {
    uint32_t at;    // position of the first element in the file; 0 when absent
    uint32_t count; // elements
} snd_tflite_vector_t;

typedef struct {
    const uint8_t *base;
    uint32_t length;
    int32_t damaged; // a read would have left the file
    snd_tflite_vector_t codes, buffers, metadata;
    snd_tflite_vector_t tensors, inputs, outputs, operators; // of the one subgraph
} snd_tflite_t;

typedef struct {
    int32_t type;
    int32_t dims;
    int32_t shape[SND_TFLITE_MAX_DIMS];
    uint32_t elements;
    float scale;             // first of scales, 0 when there is none
    int32_t zero_point;      // first of zero_points
    snd_tflite_vector_t scales;      // float32
    snd_tflite_vector_t zero_points; // int64
    int32_t axis;            // quantized dimension
    const uint8_t *data;     // constant content, in the file; NULL when computed
    uint32_t bytes;          // of data
} snd_tflite_tensor_t;

typedef struct {
    int32_t builtin;                   // BuiltinOperator
    snd_tflite_vector_t inputs, outputs; // int32 tensor indices, -1 for an omitted input
    int32_t options_type;              // BuiltinOptions
    uint32_t options;                  // its table, 0 when absent
} snd_tflite_operator_t;

// Reads the tables every model has. Returns SND_OK, or why the file is not one that can be read.
snd_err_t snd_tflite_open(snd_tflite_t *v, const void *file, size_t length);
snd_err_t snd_tflite_tensor(snd_tflite_t *v, int32_t index, snd_tflite_tensor_t *tensor);
snd_err_t snd_tflite_operator(snd_tflite_t *v, uint32_t index, snd_tflite_operator_t *op);
// Element i of a vector of int32; -1 past its end.
int32_t snd_tflite_index(snd_tflite_t *v, snd_tflite_vector_t vector, uint32_t i);
float snd_tflite_float(snd_tflite_t *v, snd_tflite_vector_t vector, uint32_t i);
int64_t snd_tflite_int64(snd_tflite_t *v, snd_tflite_vector_t vector, uint32_t i);
// Field number slot of a table; the default when the field, or the table itself, is absent.
int32_t snd_tflite_field_int8(snd_tflite_t *v, uint32_t table, uint32_t slot, int32_t otherwise);
int32_t snd_tflite_field_int32(snd_tflite_t *v, uint32_t table, uint32_t slot, int32_t otherwise);
float snd_tflite_field_float(snd_tflite_t *v, uint32_t table, uint32_t slot, float otherwise);
// The metadata buffer of that name; NULL with SND_OK when there is none.
const uint8_t *snd_tflite_metadata(snd_tflite_t *v, const char *name, uint32_t *size, snd_err_t *error);

#endif
