#include "nn/tflite_view.h"

#include <string.h>
#include "nn/tflite_schema.h"

#define SCHEMA_VERSION (3)

// The n bytes at a position, 4 at most; zeros, and the view is damaged, when they are not all in the file.
static const uint8_t *fetch(sc_tflite_t *v, uint32_t at, uint32_t n) {
    static const uint8_t zeros[4];
    if (at > v->length || n > v->length - at) {
        v->damaged = 1;
        return zeros;
    }
    return v->base + at;
}

static uint32_t fetch_u16(sc_tflite_t *v, uint32_t at) {
    const uint8_t *b = fetch(v, at, 2);
    return b[0] | (uint32_t)b[1] << 8;
}

static uint32_t fetch_u32(sc_tflite_t *v, uint32_t at) {
    const uint8_t *b = fetch(v, at, 4);
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

// The position an offset at that place points to.
static uint32_t follow(sc_tflite_t *v, uint32_t at) {
    uint32_t offset = fetch_u32(v, at);
    if (v->damaged || offset == 0 || offset >= v->length - at) {
        v->damaged = 1;
        return 0;
    }
    return at + offset;
}

// The position of a field, 0 when the table has none.
static uint32_t field(sc_tflite_t *v, uint32_t table, uint32_t id) {
    if (table == 0) {
        return 0;
    }
    if (table != v->table) {
        uint32_t vtable = table - fetch_u32(v, table); // of two positions below 2^31: one that is negative is too large
        if (vtable >= v->length) {
            v->damaged = 1;
            return 0;
        }
        v->table = table;
        v->vtable = vtable;
        v->vtable_bytes = fetch_u16(v, vtable);
    }
    uint32_t at = 4 + 2 * id, offset = at + 2 <= v->vtable_bytes ? fetch_u16(v, v->vtable + at) : 0;
    return offset ? table + offset : 0;
}

static uint32_t field_table(sc_tflite_t *v, uint32_t table, uint32_t id) {
    uint32_t at = field(v, table, id);
    return at ? follow(v, at) : 0;
}

static sc_tflite_vector_t field_vector(sc_tflite_t *v, uint32_t table, uint32_t id, uint32_t element_size) {
    sc_tflite_vector_t vector = {0, 0};
    uint32_t at = field_table(v, table, id);
    if (at == 0) {
        return vector;
    }
    uint32_t count = fetch_u32(v, at);
    if (v->damaged || count > (v->length - at - 4) / element_size) {
        v->damaged = 1;
        return vector;
    }
    vector.at = at + 4;
    vector.count = count;
    return vector;
}

// Element i of a vector of tables.
static uint32_t vector_table(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i) {
    return i < vector.count ? follow(v, vector.at + 4 * i) : 0;
}

int32_t sc_tflite_field_int8(sc_tflite_t *v, uint32_t table, uint32_t id, int32_t otherwise) {
    uint32_t at = field(v, table, id);
    return at ? (int8_t)*fetch(v, at, 1) : otherwise;
}

int32_t sc_tflite_field_int32(sc_tflite_t *v, uint32_t table, uint32_t id, int32_t otherwise) {
    uint32_t at = field(v, table, id);
    return at ? (int32_t)fetch_u32(v, at) : otherwise;
}

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float sc_tflite_field_float(sc_tflite_t *v, uint32_t table, uint32_t id, float otherwise) {
    uint32_t at = field(v, table, id);
    return at ? float_of_bits(fetch_u32(v, at)) : otherwise;
}

int32_t sc_tflite_index(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i) {
    return i < vector.count ? (int32_t)fetch_u32(v, vector.at + 4 * i) : -1;
}

float sc_tflite_float(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i) {
    return i < vector.count ? float_of_bits(fetch_u32(v, vector.at + 4 * i)) : 0.0f;
}

int64_t sc_tflite_int64(sc_tflite_t *v, sc_tflite_vector_t vector, uint32_t i) {
    if (i >= vector.count) {
        return 0;
    }
    uint32_t low = fetch_u32(v, vector.at + 8 * i);
    return (int64_t)((uint64_t)fetch_u32(v, vector.at + 8 * i + 4) << 32 | low);
}

sc_err_t sc_tflite_open(sc_tflite_t *v, const void *file, size_t length) {
    memset(v, 0, sizeof(*v));
    v->base = file;
    if (length < 8) {
        return SC_E_FILE;
    }
    if (length > INT32_MAX) {
        return SC_E_LIMIT;
    }
    v->length = (uint32_t)length;
    if (memcmp(v->base + 4, "TFL3", 4) != 0) {
        return SC_E_FILE;
    }
    uint32_t model = follow(v, 0);
    int32_t version = sc_tflite_field_int32(v, model, SC_MODEL_VERSION, 0);
    if (v->damaged) {
        return SC_E_TRUNCATED;
    }
    if (version != SCHEMA_VERSION) {
        return SC_E_VERSION;
    }
    v->codes = field_vector(v, model, SC_MODEL_OPERATOR_CODES, 4);
    v->buffers = field_vector(v, model, SC_MODEL_BUFFERS, 4);
    field_vector(v, model, SC_MODEL_METADATA, 4); // whether it is whole
    sc_tflite_vector_t subgraphs = field_vector(v, model, SC_MODEL_SUBGRAPHS, 4);
    if (!v->damaged && subgraphs.count != 1) {
        return SC_E_SUBGRAPH;
    }
    uint32_t subgraph = vector_table(v, subgraphs, 0);
    v->tensors = field_vector(v, subgraph, SC_SUBGRAPH_TENSORS, 4);
    v->inputs = field_vector(v, subgraph, SC_SUBGRAPH_INPUTS, 4);
    v->outputs = field_vector(v, subgraph, SC_SUBGRAPH_OUTPUTS, 4);
    v->operators = field_vector(v, subgraph, SC_SUBGRAPH_OPERATORS, 4);
    return v->damaged ? SC_E_TRUNCATED : SC_OK;
}

// The bytes of a buffer; count 0 when it holds none.
static sc_err_t buffer(sc_tflite_t *v, uint32_t index, sc_tflite_vector_t *bytes) {
    if (index >= v->buffers.count) {
        return SC_E_INDEX;
    }
    uint32_t table = vector_table(v, v->buffers, index);
    *bytes = field_vector(v, table, SC_BUFFER_DATA, 1);
    // Files beyond 2 GB keep their data behind the flatbuffer and write where; 0 and 1 mean that they do not.
    if (field(v, table, SC_BUFFER_OFFSET) != 0 && (uint32_t)sc_tflite_field_int32(v, table, SC_BUFFER_OFFSET, 0) > 1) {
        return SC_E_BUFFER;
    }
    return v->damaged ? SC_E_TRUNCATED : SC_OK;
}

static sc_err_t read_shape(sc_tflite_t *v, uint32_t table, sc_tflite_tensor_t *t) {
    sc_tflite_vector_t shape = field_vector(v, table, SC_TENSOR_SHAPE, 4);
    if (shape.count > SC_TFLITE_MAX_DIMS) {
        return SC_E_LIMIT;
    }
    t->dims = (int32_t)shape.count;
    uint64_t elements = 1;
    for (uint32_t i = 0; i < shape.count; i++) {
        t->shape[i] = sc_tflite_index(v, shape, i);
        if (t->shape[i] < 1) {
            return v->damaged ? SC_E_TRUNCATED : SC_E_SHAPE;
        }
        if (t->shape[i] > SC_TFLITE_MAX_DIM) {
            return SC_E_LIMIT;
        }
        elements *= (uint64_t)t->shape[i];
        if (elements > SC_TFLITE_MAX_ELEMENTS) {
            return SC_E_LIMIT;
        }
    }
    t->elements = (uint32_t)elements;
    return SC_OK;
}

static sc_err_t read_tensor(sc_tflite_t *v, int32_t index, int32_t variable, sc_tflite_tensor_t *t) {
    memset(t, 0, sizeof(*t));
    if (index < 0 || (uint32_t)index >= v->tensors.count) {
        return SC_E_INDEX;
    }
    uint32_t table = vector_table(v, v->tensors, (uint32_t)index);
    sc_err_t error = read_shape(v, table, t);
    if (error != SC_OK) {
        return error;
    }
    t->type = sc_tflite_field_int8(v, table, SC_TENSOR_TYPE, 0);
    if (!sc_tflite_field_int8(v, table, SC_TENSOR_IS_VARIABLE, 0) != !variable) {
        return SC_E_VARIABLE;
    }
    if (field(v, table, SC_TENSOR_SPARSITY)) {
        return SC_E_SPARSE;
    }
    if (sc_tflite_field_int32(v, table, SC_TENSOR_EXTERNAL_BUFFER, 0) != 0) {
        return SC_E_BUFFER;
    }
    uint32_t quantization = field_table(v, table, SC_TENSOR_QUANTIZATION);
    t->scales = field_vector(v, quantization, SC_QUANTIZATION_PARAMETERS_SCALE, 4);
    t->zero_points = field_vector(v, quantization, SC_QUANTIZATION_PARAMETERS_ZERO_POINT, 8);
    t->axis = sc_tflite_field_int32(v, quantization, SC_QUANTIZATION_PARAMETERS_QUANTIZED_DIMENSION, 0);
    t->scale = sc_tflite_float(v, t->scales, 0);
    int64_t zero_point = sc_tflite_int64(v, t->zero_points, 0);
    // What int32 does not hold, int8 does not either, and that is what callers check.
    t->zero_point = zero_point < INT32_MIN || zero_point > INT32_MAX ? INT32_MAX : (int32_t)zero_point;
    sc_tflite_vector_t bytes;
    error = buffer(v, (uint32_t)sc_tflite_field_int32(v, table, SC_TENSOR_BUFFER, 0), &bytes);
    if (error == SC_OK && bytes.count > 0) {
        t->data = v->base + bytes.at;
        t->bytes = bytes.count;
    }
    return error == SC_OK && v->damaged ? SC_E_TRUNCATED : error;
}

sc_err_t sc_tflite_tensor(sc_tflite_t *v, int32_t index, sc_tflite_tensor_t *t) {
    return read_tensor(v, index, 0, t);
}

sc_err_t sc_tflite_variable(sc_tflite_t *v, int32_t index, sc_tflite_tensor_t *t) {
    return read_tensor(v, index, 1, t);
}

sc_err_t sc_tflite_operator(sc_tflite_t *v, uint32_t index, sc_tflite_operator_t *op) {
    memset(op, 0, sizeof(*op));
    op->builtin = -1;
    uint32_t table = vector_table(v, v->operators, index);
    uint32_t code = (uint32_t)sc_tflite_field_int32(v, table, SC_OPERATOR_OPCODE_INDEX, 0);
    if (v->damaged) {
        return SC_E_TRUNCATED;
    }
    if (code >= v->codes.count) {
        return SC_E_INDEX;
    }
    // Files from before codes outgrew a byte have only the first field; newer ones have both.
    uint32_t codes = vector_table(v, v->codes, code);
    int32_t old_builtin = sc_tflite_field_int8(v, codes, SC_OPERATOR_CODE_DEPRECATED_BUILTIN_CODE, 0);
    op->builtin = sc_tflite_field_int32(v, codes, SC_OPERATOR_CODE_BUILTIN_CODE, 0);
    if (op->builtin < old_builtin) {
        op->builtin = old_builtin;
    }
    op->inputs = field_vector(v, table, SC_OPERATOR_INPUTS, 4);
    op->outputs = field_vector(v, table, SC_OPERATOR_OUTPUTS, 4);
    op->options_type = (uint8_t)sc_tflite_field_int8(v, table, SC_OPERATOR_BUILTIN_OPTIONS_TYPE, 0);
    op->options = field_table(v, table, SC_OPERATOR_BUILTIN_OPTIONS);
    return v->damaged ? SC_E_TRUNCATED : SC_OK;
}

const uint8_t *sc_tflite_metadata(sc_tflite_t *v, const char *name, uint32_t *size, sc_err_t *error) {
    uint32_t length = (uint32_t)strlen(name);
    sc_tflite_vector_t metadata = field_vector(v, follow(v, 0), SC_MODEL_METADATA, 4);
    *error = v->damaged ? SC_E_TRUNCATED : SC_OK;
    for (uint32_t i = 0; i < metadata.count && *error == SC_OK; i++) {
        uint32_t table = vector_table(v, metadata, i);
        sc_tflite_vector_t key = field_vector(v, table, SC_METADATA_NAME, 1);
        if (key.count == length && memcmp(v->base + key.at, name, length) == 0) {
            sc_tflite_vector_t bytes = {0};
            *error = buffer(v, (uint32_t)sc_tflite_field_int32(v, table, SC_METADATA_BUFFER, 0), &bytes);
            *size = bytes.count;
            return *error == SC_OK && bytes.count ? v->base + bytes.at : NULL;
        }
        *error = v->damaged ? SC_E_TRUNCATED : SC_OK;
    }
    return NULL;
}
