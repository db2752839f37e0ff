// MicroPython binding of soundcore, with the names, arguments and errors of CPython's (bindings.cpp).
//
// Memory comes from MicroPython's heap, in __init__ only: feed, push, invoke, reset and the properties that a loop
// reads allocate nothing. A view's `items` points to the first byte of the arena's heap block, and its data lies at an
// offset from there: the garbage collector knows a block by its first byte, so a view keeps its arena alive.
//
// This file is compiled into images and into the native module soundcore.mpy (firmware/natmod); binding.h holds what
// differs. Numbers of names (MP_QSTR_x) are therefore no constants: no `switch` on them, no table of them but
// SC_NAME_TABLE's.
#include <string.h>

#include "binding.h"

#include "capture/adpcm.h"
#include "detect/detector.h"
#include "detect/sound_level.h"
#include "frontend/frontend.h"
#include "meta.h"
#include "nn/model.h"
#include "capture/pdm.h"
#include "capture/i2s_unpack.h"
#include "stream.h"

#define ALIGNMENT (16)
#define COPY_SAMPLES (64) // of unaligned PCM, moved through the stack

_Static_assert(MICROPY_BYTES_PER_GC_BLOCK % ALIGNMENT == 0, "heap blocks must be aligned for the core");

SC_DEFINE_ERROR(Error);

SC_DECLARE_TYPE(frontend);
SC_DECLARE_TYPE(model);
SC_DECLARE_TYPE(stream);
SC_DECLARE_TYPE(detector);
SC_DECLARE_TYPE(sound_level);
SC_DECLARE_TYPE(pdm);
SC_DECLARE_TYPE(i2s_unpack);

static NORETURN void raise_fault(const sc_fault_t *fault) {
    char detail[160];
    size_t length = sc_error_text(fault, detail, sizeof(detail));
    const char *name = sc_error_name(fault->code);
    mp_obj_t args[] = {mp_obj_new_str(name, strlen(name)), mp_obj_new_str(detail, length)};
    nlr_raise(mp_obj_new_exception_args(SC_ERROR(Error), MP_ARRAY_SIZE(args), args));
}

static NORETURN void raise_code(sc_err_t code) {
    sc_fault_t fault;
    sc_error_fail(&fault, code);
    raise_fault(&fault);
}

// ---- arguments

static void *self_of(mp_obj_t object, const mp_obj_type_t *type) {
    if (!mp_obj_is_type(object, type)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a method of another class's object"));
    }
    return MP_OBJ_TO_PTR(object);
}

// The only argument of a method, positional or by keyword.
static mp_obj_t only_arg(size_t n_args, const mp_obj_t *args, mp_map_t *kw, qstr name) {
    const mp_arg_t allowed = {name, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}};
    mp_arg_val_t value;
    mp_arg_parse_all(n_args, args, kw, 1, &allowed, &value);
    return value.u_obj;
}

// The only argument of a class.
static mp_obj_t only_arg_of_class(size_t n_args, size_t n_kw, const mp_obj_t *args, qstr name) {
    const mp_arg_t allowed = {name, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}};
    mp_arg_val_t value;
    mp_arg_parse_all_kw_array(n_args, n_kw, args, 1, &allowed, &value);
    return value.u_obj;
}

// As in the CPython binding: a 32-bit integer, or TypeError.
static int32_t int32_arg(mp_obj_t object) {
    if (!mp_obj_is_int(object)) {
        mp_raise_TypeError(MP_ERROR_TEXT("an int is needed"));
    }
    mp_int_t value = mp_obj_get_int_truncated(object);
    if (value != (int32_t)value || !mp_obj_equal(object, mp_obj_new_int(value))) {
        mp_raise_TypeError(MP_ERROR_TEXT("the int is out of range"));
    }
    return (int32_t)value;
}

// Of a class with methods alone.
static void no_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    (void)self_in;
    (void)attr;
    if (dest[0] == MP_OBJ_NULL) {
        dest[1] = MP_OBJ_SENTINEL; // look in the members
    }
}

static size_t count_arg(mp_obj_t object) {
    int32_t value = int32_arg(object);
    if (value < 0) {
        mp_raise_TypeError(MP_ERROR_TEXT("the int is negative"));
    }
    return (size_t)value;
}

// Type codes of bytes-like objects and of arrays with one byte per item.
static bool is_bytes_code(int typecode) {
    return typecode == 'b' || typecode == 'B' || typecode == BYTEARRAY_TYPECODE;
}

static void buffer_arg(mp_obj_t object, mp_buffer_info_t *info, mp_uint_t flags) {
    // A str has a buffer here, but not in CPython.
    if (mp_obj_is_str(object)) {
        mp_raise_TypeError(MP_ERROR_TEXT("a bytes-like object is needed, not str"));
    }
    mp_get_buffer_raise(object, info, flags);
}

typedef struct {
    const uint8_t *bytes;
    size_t samples;
} pcm_t;

static pcm_t pcm_arg(mp_obj_t object) {
    mp_buffer_info_t info;
    buffer_arg(object, &info, MP_BUFFER_READ);
    if (info.typecode != 'h' && !is_bytes_code(info.typecode)) {
        mp_raise_TypeError(MP_ERROR_TEXT("pcm must hold int16 samples (array('h') or their bytes)"));
    }
    if (info.len % 2 != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("pcm ends in the middle of a sample"));
    }
    return (pcm_t) {info.buf, info.len / 2};
}

// Raw bytes from a microphone and the buffer for the samples made of them.
typedef struct {
    const uint8_t *bytes;
    int16_t *out;
    size_t samples;
} raw_t;

// unit: bytes per sample
static raw_t raw_arg(size_t n_args, const mp_obj_t *args, mp_map_t *kw, size_t unit) {
    SC_NAME_TABLE const mp_arg_t allowed[] = {
        {MP_QSTR_raw, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
        {MP_QSTR_out, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    mp_buffer_info_t raw, out;
    buffer_arg(values[0].u_obj, &raw, MP_BUFFER_READ);
    if (!is_bytes_code(raw.typecode)) {
        mp_raise_TypeError(MP_ERROR_TEXT("raw must hold bytes"));
    }
    buffer_arg(values[1].u_obj, &out, MP_BUFFER_WRITE);
    if (out.typecode != 'h' || (uintptr_t)out.buf % sizeof(int16_t) != 0) {
        mp_raise_TypeError(MP_ERROR_TEXT("out must be an array('h') or a view of one"));
    }
    if (raw.len % unit != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("raw ends in the middle of a sample"));
    }
    if (out.len / sizeof(int16_t) < raw.len / unit) {
        raise_code(SC_E_GAIN_ROOM);
    }
    return (raw_t) {raw.buf, out.buf, raw.len / unit};
}

// The next samples, aligned, by way of `copy` if they are not; n becomes their number.
static const int16_t *pcm_next(const pcm_t *pcm, size_t at, int16_t *copy /* (COPY_SAMPLES) */, size_t *n) {
    const uint8_t *bytes = pcm->bytes + 2 * at;
    *n = pcm->samples - at;
    if ((uintptr_t)bytes % sizeof(int16_t) == 0) {
        return (const int16_t *)(const void *)bytes;
    }
    *n = MIN(*n, COPY_SAMPLES);
    memcpy(copy, bytes, 2 * *n);
    return copy;
}

// Settings by keyword: consecutive 32-bit integers of a struct, which holds the defaults.
static void settings_arg(
    size_t n_args, size_t n_kw, const mp_obj_t *args, const uint16_t *names, size_t count, int32_t *fields) {
    enum { MOST = 10 };
    mp_arg_t allowed[MOST];
    mp_arg_val_t values[MOST];
    for (size_t i = 0; i < count; i++) {
        allowed[i] = (mp_arg_t) {names[i], MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}};
    }
    mp_arg_parse_all_kw_array(n_args, n_kw, args, count, allowed, values);
    for (size_t i = 0; i < count; i++) {
        if (values[i].u_obj != MP_OBJ_NULL) {
            fields[i] = int32_arg(values[i].u_obj);
        }
    }
}

// ---- model files

typedef struct {
    mp_obj_t object;  // as given; keeps its bytes alive
    const void *copy; // heap block, if the bytes are unaligned
    const void *data;
    size_t size;
} file_t;

static void file_open(file_t *file, mp_obj_t object) {
    mp_buffer_info_t info;
    buffer_arg(object, &info, MP_BUFFER_READ);
    file->object = object;
    file->copy = NULL;
    file->data = info.buf;
    file->size = info.len;
    if ((uintptr_t)info.buf % ALIGNMENT != 0) {
        void *copy = m_malloc(info.len);
        memcpy(copy, info.buf, info.len);
        file->copy = file->data = copy;
    }
}

// What a model of many tensors needs while it is made.
static sc_scratch_t scratch_for(const file_t *file) {
    size_t size = sc_model_scratch(file->data, file->size);
    return (sc_scratch_t) {size ? m_malloc(size) : NULL, size};
}

static void scratch_free(const sc_scratch_t *scratch) {
    if (scratch->memory != NULL) {
        m_del(byte, scratch->memory, scratch->size);
    }
}

static mp_obj_t file_metadata(const file_t *file) {
    size_t size = 0;
    sc_fault_t fault;
    const void *text = sc_model_metadata(file->data, file->size, SC_META_NAME, &size, &fault);
    return text ? mp_obj_new_bytes(text, size) : mp_const_none;
}

// ---- tensors

static mp_obj_t new_view(const sc_model_tensor_t *tensor, void *arena) {
    mp_obj_array_t *view = m_new_obj(mp_obj_array_t);
    size_t offset = tensor->size ? (size_t)(tensor->data - (int8_t *)arena) : 0;
    mp_obj_memoryview_init(view, 'b' | MP_OBJ_ARRAY_TYPECODE_FLAG_RW, offset, tensor->size, arena);
    return MP_OBJ_FROM_PTR(view);
}

static mp_obj_t new_shape(const sc_model_tensor_t *tensor) {
    mp_obj_t sizes[SC_MODEL_MAX_DIMS];
    for (int32_t i = 0; i < tensor->dims; i++) {
        sizes[i] = mp_obj_new_int(tensor->shape[i]);
    }
    return mp_obj_new_tuple((size_t)tensor->dims, sizes);
}

static mp_obj_t new_quant(const sc_model_tensor_t *tensor) {
    mp_obj_t pair[] = {new_float(tensor->scale), mp_obj_new_int(tensor->zero_point)};
    return mp_obj_new_tuple(MP_ARRAY_SIZE(pair), pair);
}

// ---- Frontend

typedef struct {
    mp_obj_base_t base;
    sc_frontend_t *frontend; // heap block
    size_t size;
} frontend_obj_t;

static mp_obj_t frontend_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    // In the order of the fields of sc_frontend_settings_t.
    SC_NAME_TABLE const uint16_t names[] = {
        MP_QSTR_rate_hz, MP_QSTR_window, MP_QSTR_hop, MP_QSTR_fft, MP_QSTR_bands, MP_QSTR_low_hz, MP_QSTR_high_hz,
        MP_QSTR_coefficients, MP_QSTR_floor_db, MP_QSTR_step_mdb,
    };
    enum { COUNT = MP_ARRAY_SIZE(names) };
    _Static_assert(sizeof(sc_frontend_settings_t) == COUNT * sizeof(int32_t), "one name per setting");

    sc_frontend_settings_t settings = sc_frontend_defaults;
    settings_arg(n_args, n_kw, args, names, COUNT, &settings.rate_hz);

    sc_fault_t fault;
    size_t size = sc_frontend_size(&settings, &fault);
    if (size == 0) {
        raise_fault(&fault);
    }
    frontend_obj_t *self = mp_obj_malloc(frontend_obj_t, type);
    self->size = size;
    self->frontend = sc_frontend_init(m_malloc(size), size, &settings, &fault);
    if (self->frontend == NULL) {
        raise_fault(&fault);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t frontend_push(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    SC_NAME_TABLE const mp_arg_t allowed[] = {
        {MP_QSTR_pcm, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
        {MP_QSTR_out, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
    };
    frontend_obj_t *self = self_of(args[0], SC_TYPE(frontend));
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    pcm_t pcm = pcm_arg(values[0].u_obj);
    mp_buffer_info_t out;
    buffer_arg(values[1].u_obj, &out, MP_BUFFER_WRITE);
    if (!is_bytes_code(out.typecode)) {
        mp_raise_TypeError(MP_ERROR_TEXT("out must hold int8 values (bytearray or array('b'))"));
    }
    size_t width = sc_frontend_width(self->frontend);
    if (out.len / width < sc_frontend_frames_after(self->frontend, pcm.samples)) {
        raise_code(SC_E_FRONTEND_ROOM);
    }
    int8_t *to = out.buf;
    size_t written = 0;
    int16_t copy[COPY_SAMPLES];
    for (size_t at = 0; at < pcm.samples;) {
        size_t n;
        const int16_t *samples = pcm_next(&pcm, at, copy, &n);
        int made = 0;
        at += sc_frontend_push(self->frontend, samples, n, to + written * width, &made);
        written += made ? 1 : 0;
    }
    return mp_obj_new_int_from_uint(written);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(frontend_push_obj, 1, frontend_push);

static mp_obj_t frontend_frames_after(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    frontend_obj_t *self = self_of(args[0], SC_TYPE(frontend));
    size_t n = count_arg(only_arg(n_args - 1, args + 1, kw, MP_QSTR_n));
    return mp_obj_new_int_from_uint(sc_frontend_frames_after(self->frontend, n));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(frontend_frames_after_obj, 1, frontend_frames_after);

static mp_obj_t frontend_reset(mp_obj_t self_in) {
    frontend_obj_t *self = self_of(self_in, SC_TYPE(frontend));
    sc_frontend_reset(self->frontend);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(frontend_reset_obj, frontend_reset);

static void frontend_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return; // attributes are read-only: AttributeError
    }
    frontend_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_width) {
        dest[0] = mp_obj_new_int_from_uint(sc_frontend_width(self->frontend));
    } else if (attr == MP_QSTR_needed) {
        dest[0] = mp_obj_new_int_from_uint(sc_frontend_needed(self->frontend));
    } else if (attr == MP_QSTR_size) {
        dest[0] = mp_obj_new_int_from_uint(self->size);
    } else {
        dest[1] = MP_OBJ_SENTINEL; // look in the members
    }
}

#define FRONTEND_MEMBERS(X) \
    X(MP_QSTR_VERSION, MP_ROM_INT(SC_FRONTEND_VERSION)) \
    X(MP_QSTR_push, MP_ROM_PTR(&frontend_push_obj)) \
    X(MP_QSTR_frames_after, MP_ROM_PTR(&frontend_frames_after_obj)) \
    X(MP_QSTR_reset, MP_ROM_PTR(&frontend_reset_obj))
SC_DEFINE_TYPE(frontend, MP_QSTR_Frontend, frontend_make_new, frontend_attr, FRONTEND_MEMBERS)

// ---- Model

typedef struct {
    mp_obj_base_t base;
    file_t file;
    sc_model_t *model;
    void *arena; // heap block
} model_obj_t;

static mp_obj_t model_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t buf = only_arg_of_class(n_args, n_kw, args, MP_QSTR_buf);
    model_obj_t *self = mp_obj_malloc(model_obj_t, type);
    file_open(&self->file, buf);
    sc_scratch_t scratch = scratch_for(&self->file);
    sc_fault_t fault;
    size_t size = sc_model_size(self->file.data, self->file.size, &scratch, &fault);
    if (size == 0) {
        raise_fault(&fault);
    }
    self->arena = m_malloc(size);
    self->model = sc_model_init(self->arena, size, self->file.data, self->file.size, &scratch, &fault);
    scratch_free(&scratch);
    if (self->model == NULL) {
        raise_fault(&fault);
    }
    return MP_OBJ_FROM_PTR(self);
}

static model_obj_t *model_input(size_t n_args, const mp_obj_t *args, mp_map_t *kw, sc_model_tensor_t *tensor) {
    model_obj_t *self = self_of(args[0], SC_TYPE(model));
    size_t i = count_arg(only_arg(n_args - 1, args + 1, kw, MP_QSTR_i));
    if (i >= sc_model_inputs(self->model)) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("the model has no such input"));
    }
    sc_model_input(self->model, i, tensor);
    return self;
}

static model_obj_t *model_output(size_t n_args, const mp_obj_t *args, mp_map_t *kw, sc_model_tensor_t *tensor) {
    model_obj_t *self = self_of(args[0], SC_TYPE(model));
    size_t i = count_arg(only_arg(n_args - 1, args + 1, kw, MP_QSTR_i));
    if (i >= sc_model_outputs(self->model)) {
        mp_raise_msg(&mp_type_IndexError, MP_ERROR_TEXT("the model has no such output"));
    }
    sc_model_output(self->model, i, tensor);
    return self;
}

// The view, shape and quantization of inputs and of outputs.
#define TENSOR_METHODS(which) \
    static mp_obj_t model_get_##which(size_t n_args, const mp_obj_t *args, mp_map_t *kw) { \
        sc_model_tensor_t tensor; \
        model_obj_t *self = model_##which(n_args, args, kw, &tensor); \
        return new_view(&tensor, self->arena); \
    } \
    static mp_obj_t model_##which##_shape(size_t n_args, const mp_obj_t *args, mp_map_t *kw) { \
        sc_model_tensor_t tensor; \
        model_##which(n_args, args, kw, &tensor); \
        return new_shape(&tensor); \
    } \
    static mp_obj_t model_##which##_quant(size_t n_args, const mp_obj_t *args, mp_map_t *kw) { \
        sc_model_tensor_t tensor; \
        model_##which(n_args, args, kw, &tensor); \
        return new_quant(&tensor); \
    } \
    static MP_DEFINE_CONST_FUN_OBJ_KW(model_##which##_obj, 1, model_get_##which); \
    static MP_DEFINE_CONST_FUN_OBJ_KW(model_##which##_shape_obj, 1, model_##which##_shape); \
    static MP_DEFINE_CONST_FUN_OBJ_KW(model_##which##_quant_obj, 1, model_##which##_quant);

TENSOR_METHODS(input)
TENSOR_METHODS(output)

static mp_obj_t model_invoke(mp_obj_t self_in) {
    model_obj_t *self = self_of(self_in, SC_TYPE(model));
    sc_model_invoke(self->model);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(model_invoke_obj, model_invoke);

static void model_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    model_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_inputs) {
        dest[0] = mp_obj_new_int_from_uint(sc_model_inputs(self->model));
    } else if (attr == MP_QSTR_outputs) {
        dest[0] = mp_obj_new_int_from_uint(sc_model_outputs(self->model));
    } else if (attr == MP_QSTR_arena_size) {
        dest[0] = mp_obj_new_int_from_uint(sc_model_arena_size(self->model));
    } else if (attr == MP_QSTR_metadata) {
        dest[0] = file_metadata(&self->file);
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

#define MODEL_MEMBERS(X) \
    X(MP_QSTR_input, MP_ROM_PTR(&model_input_obj)) \
    X(MP_QSTR_output, MP_ROM_PTR(&model_output_obj)) \
    X(MP_QSTR_input_shape, MP_ROM_PTR(&model_input_shape_obj)) \
    X(MP_QSTR_output_shape, MP_ROM_PTR(&model_output_shape_obj)) \
    X(MP_QSTR_input_quant, MP_ROM_PTR(&model_input_quant_obj)) \
    X(MP_QSTR_output_quant, MP_ROM_PTR(&model_output_quant_obj)) \
    X(MP_QSTR_invoke, MP_ROM_PTR(&model_invoke_obj))
SC_DEFINE_TYPE(model, MP_QSTR_Model, model_make_new, model_attr, MODEL_MEMBERS)

// ---- Stream

typedef struct {
    mp_obj_base_t base;
    file_t file;
    sc_stream_t *stream;
    void *arena;              // heap block
    // Made once: a loop that reads them allocates nothing.
    mp_obj_array_t *scores;
    mp_obj_array_t *attention;
    mp_obj_array_t *features;
} stream_obj_t;

static mp_obj_array_t *stream_view(
    const stream_obj_t *self, void (*get)(const sc_stream_t *, sc_model_tensor_t *)) {
    sc_model_tensor_t tensor;
    get(self->stream, &tensor);
    return MP_OBJ_TO_PTR(new_view(&tensor, self->arena));
}

static mp_obj_t stream_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_t buf = only_arg_of_class(n_args, n_kw, args, MP_QSTR_buf);
    stream_obj_t *self = mp_obj_malloc(stream_obj_t, type);
    file_open(&self->file, buf);
    sc_scratch_t scratch = scratch_for(&self->file);
    sc_fault_t fault;
    size_t size = sc_stream_size(self->file.data, self->file.size, &scratch, &fault);
    if (size == 0) {
        raise_fault(&fault);
    }
    self->arena = m_malloc(size);
    self->stream = sc_stream_init(self->arena, size, self->file.data, self->file.size, &scratch, &fault);
    scratch_free(&scratch);
    if (self->stream == NULL) {
        raise_fault(&fault);
    }
    self->scores = stream_view(self, sc_stream_scores);
    self->attention = stream_view(self, sc_stream_attention);
    self->features = stream_view(self, sc_stream_features);
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t stream_feed(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    SC_NAME_TABLE const mp_arg_t allowed[] = {
        {MP_QSTR_pcm, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
        {MP_QSTR_start, MP_ARG_OBJ, {.u_obj = MP_OBJ_NEW_SMALL_INT(0)}},
    };
    stream_obj_t *self = self_of(args[0], SC_TYPE(stream));
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, args + 1, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    pcm_t pcm = pcm_arg(values[0].u_obj);
    size_t start = count_arg(values[1].u_obj), at = start, n;
    if (start > pcm.samples) {
        mp_raise_ValueError(MP_ERROR_TEXT("start is past the samples"));
    }
    int16_t copy[COPY_SAMPLES];
    do {
        const int16_t *samples = pcm_next(&pcm, at, copy, &n);
        at += sc_stream_feed(self->stream, samples, n);
    } while (at < pcm.samples && !sc_stream_stepped(self->stream));
    return mp_obj_new_int_from_uint(at - start);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(stream_feed_obj, 1, stream_feed);

static mp_obj_t stream_reset(mp_obj_t self_in) {
    stream_obj_t *self = self_of(self_in, SC_TYPE(stream));
    sc_stream_reset(self->stream);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(stream_reset_obj, stream_reset);

static mp_obj_t stream_quant(
    const stream_obj_t *self, void (*get)(const sc_stream_t *, sc_model_tensor_t *)) {
    sc_model_tensor_t tensor;
    get(self->stream, &tensor);
#if MICROPY_OBJ_REPR == MICROPY_OBJ_REPR_C
    // Floats have 30 bits here: from a scale cut to these a detector would make other scores than other boards. The
    // integer is the product that soundfw.detect.fixed.from_scale() begins with, and exact.
    mp_obj_t pair[] = {
        mp_obj_new_int_from_ll((long long)(tensor.scale * 2097152.0f)), mp_obj_new_int(tensor.zero_point)};
    return mp_obj_new_tuple(MP_ARRAY_SIZE(pair), pair);
#else
    return new_quant(&tensor);
#endif
}

static void stream_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    stream_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_scores) {
        dest[0] = MP_OBJ_FROM_PTR(self->scores);
    } else if (attr == MP_QSTR_attention) {
        dest[0] = MP_OBJ_FROM_PTR(self->attention);
    } else if (attr == MP_QSTR_features) {
        dest[0] = MP_OBJ_FROM_PTR(self->features);
    } else if (attr == MP_QSTR_stepped) {
        dest[0] = mp_obj_new_bool(sc_stream_stepped(self->stream));
    } else if (attr == MP_QSTR_step_samples) {
        dest[0] = mp_obj_new_int_from_uint(sc_stream_step_samples(self->stream));
    } else if (attr == MP_QSTR_arena_size) {
        dest[0] = mp_obj_new_int_from_uint(sc_stream_arena_size(self->stream));
    } else if (attr == MP_QSTR_scores_quant) {
        dest[0] = stream_quant(self, sc_stream_scores);
    } else if (attr == MP_QSTR_attention_quant) {
        dest[0] = stream_quant(self, sc_stream_attention);
    } else if (attr == MP_QSTR_metadata) {
        dest[0] = file_metadata(&self->file);
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

// ---- Detector

typedef struct {
    mp_obj_base_t base;
    mp_obj_t stream;
    mp_obj_t rules;
    sc_detector_t *detector; // heap block
    // Made once, as a stream's.
    mp_obj_t edge;
    mp_obj_t scores;
    mp_obj_t peak;
    mp_obj_t id;
    mp_obj_t ago;
} detector_obj_t;

static mp_obj_t detector_view(const detector_obj_t *self, char typecode, size_t bytes, const void *data) {
    mp_obj_array_t *view = m_new_obj(mp_obj_array_t);
    size_t offset = (size_t)((const char *)data - (const char *)self->detector) / bytes;
    mp_obj_memoryview_init(view, (size_t)typecode, offset, sc_detector_classes(self->detector), self->detector);
    return MP_OBJ_FROM_PTR(view);
}

static const sc_rule_t *rules_arg(mp_obj_t object, size_t classes) {
    mp_buffer_info_t info;
    buffer_arg(object, &info, MP_BUFFER_READ);
    if (info.typecode != 'H' || info.len < classes * sizeof(sc_rule_t)) {
        raise_code(SC_E_DETECTOR_RULES);
    }
    return info.buf;
}

// rules, softmax, pool_ms
static mp_obj_t stream_detector(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    stream_obj_t *stream = self_of(args[0], SC_TYPE(stream));
    sc_fault_t fault;
    sc_meta_t meta;
    if (!sc_meta_read(&meta, stream->file.data, stream->file.size, &fault)) {
        raise_fault(&fault);
    }
    sc_detector_settings_t settings = {
        &meta.frontend, mp_obj_is_true(args[2]), int32_arg(args[3])};
    size_t size = sc_detector_size(stream->stream, &settings, &fault);
    if (size == 0) {
        raise_fault(&fault);
    }
    rules_arg(args[1], meta.labels);
    detector_obj_t *self = mp_obj_malloc(detector_obj_t, SC_TYPE(detector));
    self->stream = args[0];
    self->rules = args[1];
    self->detector = sc_detector_init(m_malloc(size), stream->stream, &settings);
    sc_detector_outputs_t out;
    sc_detector_outputs(self->detector, &out);
    self->edge = detector_view(self, 'B', sizeof(*out.edge), out.edge);
    self->scores = detector_view(self, 'H', sizeof(*out.scores), out.scores);
    self->peak = detector_view(self, 'H', sizeof(*out.peak), out.peak);
    self->id = detector_view(self, 'I', sizeof(*out.id), out.id);
    self->ago = detector_view(self, 'i', sizeof(*out.ago), out.ago);
    return MP_OBJ_FROM_PTR(self);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(stream_detector_obj, 4, 4, stream_detector);

static uint32_t now_arg(mp_obj_t object) {
    if (!mp_obj_is_int(object)) {
        mp_raise_TypeError(MP_ERROR_TEXT("an int is needed"));
    }
    return (uint32_t)mp_obj_get_int_truncated(object);
}

static mp_obj_t detector_step(mp_obj_t self_in, mp_obj_t now) {
    detector_obj_t *self = self_of(self_in, SC_TYPE(detector));
    const sc_rule_t *rules = rules_arg(self->rules, sc_detector_classes(self->detector));
    return mp_obj_new_int_from_uint(sc_detector_step(self->detector, rules, now_arg(now)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(detector_step_obj, detector_step);

static mp_obj_t detector_close(mp_obj_t self_in, mp_obj_t now) {
    detector_obj_t *self = self_of(self_in, SC_TYPE(detector));
    return mp_obj_new_int_from_uint(sc_detector_close(self->detector, now_arg(now)));
}
static MP_DEFINE_CONST_FUN_OBJ_2(detector_close_obj, detector_close);

static void detector_attr(mp_obj_t self_in, qstr attr, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL) {
        return;
    }
    detector_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (attr == MP_QSTR_edge) {
        dest[0] = self->edge;
    } else if (attr == MP_QSTR_scores) {
        dest[0] = self->scores;
    } else if (attr == MP_QSTR_peak) {
        dest[0] = self->peak;
    } else if (attr == MP_QSTR_id) {
        dest[0] = self->id;
    } else if (attr == MP_QSTR_ago) {
        dest[0] = self->ago;
    } else {
        dest[1] = MP_OBJ_SENTINEL;
    }
}

static mp_obj_t detector_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    (void)type;
    (void)n_args;
    (void)n_kw;
    (void)args;
    mp_raise_TypeError(MP_ERROR_TEXT("Stream.detector() makes a detector"));
}

#define DETECTOR_MEMBERS(X) \
    X(MP_QSTR_step, MP_ROM_PTR(&detector_step_obj)) \
    X(MP_QSTR_close, MP_ROM_PTR(&detector_close_obj))
SC_DEFINE_TYPE(detector, MP_QSTR_Detector, detector_make_new, detector_attr, DETECTOR_MEMBERS)

#define STREAM_MEMBERS(X) \
    X(MP_QSTR_detector, MP_ROM_PTR(&stream_detector_obj)) \
    X(MP_QSTR_feed, MP_ROM_PTR(&stream_feed_obj)) \
    X(MP_QSTR_reset, MP_ROM_PTR(&stream_reset_obj))
SC_DEFINE_TYPE(stream, MP_QSTR_Stream, stream_make_new, stream_attr, STREAM_MEMBERS)

// ---- SoundLevel

typedef struct {
    mp_obj_base_t base;
    sc_sound_level_t level;
} sound_level_obj_t;

static mp_obj_t sound_level_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    settings_arg(n_args, n_kw, args, NULL, 0, NULL);
    sound_level_obj_t *self = mp_obj_malloc(sound_level_obj_t, type);
    sc_sound_level_init(&self->level);
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t sound_level_add(mp_obj_t self_in, mp_obj_t block) {
    sound_level_obj_t *self = self_of(self_in, SC_TYPE(sound_level));
    pcm_t pcm = pcm_arg(block);
    int16_t copy[COPY_SAMPLES];
    for (size_t at = 0, n; at < pcm.samples; at += n) {
        const int16_t *samples = pcm_next(&pcm, at, copy, &n);
        sc_sound_level_add(&self->level, samples, n);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(sound_level_add_obj, sound_level_add);

static mp_obj_t sound_level_read(mp_obj_t self_in) {
    sound_level_obj_t *self = self_of(self_in, SC_TYPE(sound_level));
    return mp_obj_new_int(sc_sound_level_read(&self->level));
}
static MP_DEFINE_CONST_FUN_OBJ_1(sound_level_read_obj, sound_level_read);

#define SOUND_LEVEL_MEMBERS(X) \
    X(MP_QSTR_add, MP_ROM_PTR(&sound_level_add_obj)) \
    X(MP_QSTR_read, MP_ROM_PTR(&sound_level_read_obj))
SC_DEFINE_TYPE(sound_level, MP_QSTR_SoundLevel, sound_level_make_new, no_attr, SOUND_LEVEL_MEMBERS)

// ---- Pdm

typedef struct {
    mp_obj_base_t base;
    sc_pdm_t pdm;
} pdm_obj_t;

static mp_obj_t pdm_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    SC_NAME_TABLE const uint16_t names[] = {MP_QSTR_shift, MP_QSTR_dc_shift};
    _Static_assert(sizeof(sc_pdm_settings_t) == MP_ARRAY_SIZE(names) * sizeof(int32_t), "one name per setting");
    sc_pdm_settings_t settings = sc_pdm_defaults;
    settings_arg(n_args, n_kw, args, names, MP_ARRAY_SIZE(names), &settings.shift);
    pdm_obj_t *self = mp_obj_malloc(pdm_obj_t, type);
    sc_err_t code = sc_pdm_init(&self->pdm, &settings);
    if (code != SC_OK) {
        raise_code(code);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t pdm_convert(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    pdm_obj_t *self = self_of(args[0], SC_TYPE(pdm));
    raw_t in = raw_arg(n_args, args, kw, SC_PDM_BYTES);
    sc_pdm_convert(&self->pdm, in.bytes, in.samples, in.out);
    return mp_obj_new_int_from_uint(in.samples);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(pdm_convert_obj, 1, pdm_convert);

static mp_obj_t pdm_reset(mp_obj_t self_in) {
    pdm_obj_t *self = self_of(self_in, SC_TYPE(pdm));
    sc_pdm_reset(&self->pdm);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(pdm_reset_obj, pdm_reset);

#define PDM_MEMBERS(X) \
    X(MP_QSTR_convert, MP_ROM_PTR(&pdm_convert_obj)) \
    X(MP_QSTR_reset, MP_ROM_PTR(&pdm_reset_obj))
SC_DEFINE_TYPE(pdm, MP_QSTR_Pdm, pdm_make_new, no_attr, PDM_MEMBERS)

// ---- I2sUnpacker

typedef struct {
    mp_obj_base_t base;
    sc_i2s_unpack_t unpack;
} i2s_unpack_obj_t;

static mp_obj_t i2s_unpack_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    SC_NAME_TABLE const uint16_t names[] = {
        MP_QSTR_bits, MP_QSTR_shift, MP_QSTR_channel, MP_QSTR_channels, MP_QSTR_dc_shift,
    };
    _Static_assert(sizeof(sc_i2s_unpack_settings_t) == MP_ARRAY_SIZE(names) * sizeof(int32_t), "one name per setting");
    sc_i2s_unpack_settings_t settings = sc_i2s_unpack_defaults;
    settings_arg(n_args, n_kw, args, names, MP_ARRAY_SIZE(names), &settings.bits);
    i2s_unpack_obj_t *self = mp_obj_malloc(i2s_unpack_obj_t, type);
    sc_err_t code = sc_i2s_unpack_init(&self->unpack, &settings);
    if (code != SC_OK) {
        raise_code(code);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t i2s_unpack_convert(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    i2s_unpack_obj_t *self = self_of(args[0], SC_TYPE(i2s_unpack));
    raw_t in = raw_arg(n_args, args, kw, sc_i2s_unpack_frame_bytes(&self->unpack));
    sc_i2s_unpack_convert(&self->unpack, in.bytes, in.samples, in.out);
    return mp_obj_new_int_from_uint(in.samples);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(i2s_unpack_convert_obj, 1, i2s_unpack_convert);

static mp_obj_t i2s_unpack_reset(mp_obj_t self_in) {
    i2s_unpack_obj_t *self = self_of(self_in, SC_TYPE(i2s_unpack));
    sc_i2s_unpack_reset(&self->unpack);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(i2s_unpack_reset_obj, i2s_unpack_reset);

#define I2S_UNPACK_MEMBERS(X) \
    X(MP_QSTR_convert, MP_ROM_PTR(&i2s_unpack_convert_obj)) \
    X(MP_QSTR_reset, MP_ROM_PTR(&i2s_unpack_reset_obj))
SC_DEFINE_TYPE(i2s_unpack, MP_QSTR_I2sUnpacker, i2s_unpack_make_new, no_attr, I2S_UNPACK_MEMBERS)

// ---- sound for the wire

static mp_obj_t adpcm_encode(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    SC_NAME_TABLE const mp_arg_t allowed[] = {
        {MP_QSTR_pcm, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
        {MP_QSTR_out, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
        {MP_QSTR_bits, MP_ARG_OBJ, {.u_obj = MP_OBJ_NEW_SMALL_INT(4)}},
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    pcm_t pcm = pcm_arg(values[0].u_obj);
    mp_buffer_info_t out;
    buffer_arg(values[1].u_obj, &out, MP_BUFFER_WRITE);
    if (!is_bytes_code(out.typecode)) {
        mp_raise_TypeError(MP_ERROR_TEXT("out must hold bytes"));
    }
    int32_t bits = int32_arg(values[2].u_obj);
    size_t size = sc_adpcm_size(pcm.samples, bits);
    if (bits >= 3 && bits <= 5 && out.len < size) {
        raise_code(SC_E_ADPCM_ROOM);
    }
    sc_err_t code = sc_adpcm_encode(pcm.bytes, pcm.samples, bits, out.buf);
    if (code != SC_OK) {
        raise_code(code);
    }
    return mp_obj_new_int_from_uint(size);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(adpcm_encode_obj, 0, adpcm_encode);

static mp_obj_t adpcm_decode(size_t n_args, const mp_obj_t *args, mp_map_t *kw) {
    SC_NAME_TABLE const mp_arg_t allowed[] = {
        {MP_QSTR_data, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
        {MP_QSTR_out, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_obj = MP_OBJ_NULL}},
    };
    mp_arg_val_t values[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw, MP_ARRAY_SIZE(allowed), allowed, values);
    mp_buffer_info_t data, out;
    buffer_arg(values[0].u_obj, &data, MP_BUFFER_READ);
    buffer_arg(values[1].u_obj, &out, MP_BUFFER_WRITE);
    if (out.typecode != 'h' && !is_bytes_code(out.typecode)) {
        mp_raise_TypeError(MP_ERROR_TEXT("out must hold int16 samples (array('h') or their bytes)"));
    }
    size_t samples = 0;
    sc_err_t code = sc_adpcm_samples(data.buf, data.len, &samples);
    if (code == SC_OK && out.len / 2 < samples) {
        code = SC_E_ADPCM_ROOM;
    }
    if (code != SC_OK) {
        raise_code(code);
    }
    sc_adpcm_decode(data.buf, out.buf);
    return mp_obj_new_int_from_uint(samples);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(adpcm_decode_obj, 0, adpcm_decode);

// ---- the module

#define GLOBALS(X) \
    X(MP_QSTR_FRONTEND_VERSION, MP_ROM_INT(SC_FRONTEND_VERSION)) \
    X(MP_QSTR_Error, MP_ROM_PTR(SC_ERROR(Error))) \
    X(MP_QSTR_Frontend, MP_ROM_PTR(SC_TYPE(frontend))) \
    X(MP_QSTR_Model, MP_ROM_PTR(SC_TYPE(model))) \
    X(MP_QSTR_Pdm, MP_ROM_PTR(SC_TYPE(pdm))) \
    X(MP_QSTR_I2sUnpacker, MP_ROM_PTR(SC_TYPE(i2s_unpack))) \
    X(MP_QSTR_Stream, MP_ROM_PTR(SC_TYPE(stream))) \
    X(MP_QSTR_Detector, MP_ROM_PTR(SC_TYPE(detector))) \
    X(MP_QSTR_SoundLevel, MP_ROM_PTR(SC_TYPE(sound_level))) \
    X(MP_QSTR_adpcm_encode, MP_ROM_PTR(&adpcm_encode_obj)) \
    X(MP_QSTR_adpcm_decode, MP_ROM_PTR(&adpcm_decode_obj))
#define TYPES(ERROR, TYPE) \
    ERROR(Error, MP_QSTR_Error, mp_type_ValueError) TYPE(frontend) TYPE(model) TYPE(pdm) TYPE(i2s_unpack) TYPE(stream) \
    TYPE(detector) TYPE(sound_level)
SC_DEFINE_MODULE(MP_QSTR_soundcore, GLOBALS, TYPES)
