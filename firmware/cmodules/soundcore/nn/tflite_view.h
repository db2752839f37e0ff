// Reads a .tflite file (a flatbuffer, schema version 3) in place and within bounds. No offset is followed before it has
// been compared with the file's length; a read that would leave the file returns 0 and marks the view as damaged.
#ifndef SC_TFLITE_VIEW_H
#define SC_TFLITE_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"

#define SC_TFLITE_MAX_DIMS (4)
#define SC_TFLITE_MAX_DIM (65535)
#define SC_TFLITE_MAX_ELEMENTS (1u << 26)

typedef struct {
    uint32_t at;    // position of the first element in the file; 0 when absent
    uint32_t count; // elements
} sc_tflite_vector_t;

typedef struct {
    const uint8_t *base;
    uint32_t length;
    int32_t damaged; // a read would have left the file
    uint32_t table, vtable, vtable_bytes; // the newest table that was read, and where its fields are listed
    sc_tflite_vector_t codes, buffers;
    sc_tflite_vector_t tensors, inputs, outputs, operators; // of the one subgraph
} sc_tflite_t;

typedef struct {
    int32_t type;
    int32_t dims;
    int32_t shape[SC_TFLITE_MAX_DIMS];
    uint32_t elements;
    float scale;             // first of scales, 0 when there is none
    int32_t zero_point;      // first of zero_points
    sc_tflite_vector_t scales;      // float32
    sc_tflite_vector_t zero_points; // int64
    int32_t axis;            // quantized dimension
    const uint8_t *data;     // constant content, in the file; NULL when computed
    uint32_t bytes;          // of data
} sc_tflite_tensor_t;

typedef struct {
    int32_t builtin;                   // BuiltinOperator
    sc_tflite_vector_t inputs, outputs; // int32 tensor indices, -1 for an omitted input
    int32_t options_type;              // BuiltinOptions
    uint32_t options;                  // its table, 0 when absent
} sc_tflite_operator_t;

// Reads the tables every model has. Returns SC_OK, or why the file is not one that can be read.
sc_err_t sc_tflite_open(sc_tflite_t *v, const void *file, size_t length);
sc_err_t sc_tflite_tensor(sc_tflite_t *v, int32_t index, sc_tflite_tensor_t *tensor);
// The same of a variable tensor, which the other refuses.
sc_err_t sc_tflite_variable(sc_tflite_t *v, int32_t index, sc_tflite_tensor_t *tensor);
sc_err_t sc_tflite_operator(sc_tflite_t *v, uint32_t index, sc_tflite_operator_t *op);
// Element i of a vector of int32; -1 past its end.
int32_t sc_tflite_index(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i);
float sc_tflite_float(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i);
int64_t sc_tflite_int64(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i);
// Field `id` of a table (tflite_schema.h); the default when the field, or the table itself, is absent.
int32_t sc_tflite_field_int8(sc_tflite_t *v, uint32_t table, uint32_t id, int32_t otherwise);
int32_t sc_tflite_field_int32(sc_tflite_t *v, uint32_t table, uint32_t id, int32_t otherwise);
float sc_tflite_field_float(sc_tflite_t *v, uint32_t table, uint32_t id, float otherwise);
// The metadata buffer of that name; NULL with SC_OK when there is none.
const uint8_t *sc_tflite_metadata(sc_tflite_t *v, const char *name, uint32_t *size, sc_err_t *error);

#endif
