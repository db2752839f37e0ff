#include "stream.h"

#include <string.h>
#include "meta.h"

// A state: after every step, the output is copied to the input.
typedef struct {
    int8_t *in;
    const int8_t *out;
    size_t size;
    int32_t zero_point;
} state_t;

struct sc_stream {
    sc_frontend_t *frontend;
    sc_model_t *model;
    size_t size;
    size_t width;         // of a frame
    size_t step_samples;
    int32_t hop_frames;
    int32_t frame;        // frames of the next step so far
    int32_t stepped;
    sc_model_tensor_t features;
    sc_model_tensor_t scores;
    sc_model_tensor_t attention;
    size_t states;
    state_t state[];      // (states)
};

// Layout of the caller's memory: this struct, the frontend, the model, each on a 16-byte boundary.
static size_t round_up(size_t n) {
    return (n + 15) & ~(size_t)15;
}

static size_t struct_size(const sc_meta_t *meta) {
    return round_up(sizeof(sc_stream_t) + meta->states * sizeof(state_t));
}

size_t sc_stream_size(const void *file, size_t length, const sc_scratch_t *scratch, sc_fault_t *fault) {
    sc_meta_t meta;
    if (!sc_meta_read(&meta, file, length, fault)) {
        return 0;
    }
    size_t model = sc_model_size(file, length, scratch, fault);
    size_t frontend = model ? sc_frontend_size(&meta.frontend, fault) : 0;
    return frontend ? struct_size(&meta) + round_up(frontend) + model : 0;
}

static int same_tensor(const sc_model_tensor_t *a, const sc_model_tensor_t *b) {
    return a->size == b->size && a->dims == b->dims
           && memcmp(a->shape, b->shape, (size_t)a->dims * sizeof(a->shape[0])) == 0
           && a->scale == b->scale && a->zero_point == b->zero_point;
}

static int find_features(sc_stream_t *s, const sc_meta_t *meta) {
    if (meta->features < 0 || (size_t)meta->features >= sc_model_inputs(s->model) || meta->hop_frames < 1) {
        return 0;
    }
    sc_model_input(s->model, (size_t)meta->features, &s->features);
    return s->features.dims == 4 && s->features.shape[0] == 1 && s->features.shape[1] == meta->hop_frames
           && (size_t)s->features.shape[2] == s->width && s->features.shape[3] == 1;
}

static int find_scores(sc_stream_t *s, const sc_meta_t *meta) {
    size_t outputs = sc_model_outputs(s->model);
    if (meta->scores < 0 || (size_t)meta->scores >= outputs || meta->attention < -1
        || (meta->attention >= 0 && ((size_t)meta->attention >= outputs || meta->attention == meta->scores))) {
        return 0;
    }
    sc_model_output(s->model, (size_t)meta->scores, &s->scores);
    if (meta->attention >= 0) {
        sc_model_output(s->model, (size_t)meta->attention, &s->attention);
        if (s->attention.size != 1 && s->attention.size != s->scores.size) {
            return 0;
        }
    }
    return s->scores.size == meta->labels;
}

// Every input but the features is fed by exactly one state output.
static int find_states(sc_stream_t *s, const sc_meta_t *meta) {
    if (meta->states + 1 != sc_model_inputs(s->model)) {
        return 0;
    }
    s->states = meta->states;
    for (size_t i = 0; i < meta->states; i++) {
        int32_t in = meta->state[i].input, out = meta->state[i].output;
        sc_model_tensor_t a, b;
        if (in < 0 || (size_t)in > meta->states || in == meta->features
            || out < 0 || (size_t)out >= sc_model_outputs(s->model)) {
            return 0;
        }
        for (size_t k = 0; k < i; k++) {
            if (meta->state[k].input == in) {
                return 0;
            }
        }
        sc_model_input(s->model, (size_t)in, &a);
        sc_model_output(s->model, (size_t)out, &b);
        if (!same_tensor(&a, &b)) {
            return 0;
        }
        s->state[i] = (state_t){a.data, b.data, a.size, a.zero_point};
    }
    return 1;
}

sc_stream_t *sc_stream_init(void *memory, size_t size, const void *file, size_t length, const sc_scratch_t *scratch,
                            sc_fault_t *fault) {
    sc_meta_t meta;
    size_t frontend_size = sc_meta_read(&meta, file, length, fault) ? sc_frontend_size(&meta.frontend, fault) : 0;
    if (frontend_size == 0) {
        return NULL;
    }
    sc_stream_t *s = memory;
    size_t frontend_at = struct_size(&meta), model_at = frontend_at + round_up(frontend_size);
    if (size < model_at) {
        sc_error_fail(fault, SC_E_MEMORY);
        return NULL;
    }
    memset(s, 0, frontend_at);
    s->step_samples = (size_t)meta.frontend.hop * (size_t)meta.hop_frames;
    s->hop_frames = meta.hop_frames;
    s->frontend = sc_frontend_init((char *)memory + frontend_at, frontend_size, &meta.frontend, fault);
    s->model = s->frontend
                   ? sc_model_init((char *)memory + model_at, size - model_at, file, length, scratch, fault) : NULL;
    if (!s->model) {
        return NULL;
    }
    s->size = model_at + sc_model_arena_size(s->model);
    s->width = sc_frontend_width(s->frontend);
    sc_err_t error = !find_features(s, &meta) ? SC_E_META_FEATURES : !find_scores(s, &meta) ? SC_E_META_SCORES
                     : !find_states(s, &meta) ? SC_E_META_STATES : SC_OK;
    if (error != SC_OK) {
        sc_error_fail(fault, error);
        return NULL;
    }
    sc_stream_reset(s);
    return s;
}

void sc_stream_reset(sc_stream_t *s) {
    sc_frontend_reset(s->frontend);
    sc_model_reset(s->model);
    s->frame = 0;
    s->stepped = 0;
    for (size_t i = 0; i < s->states; i++) {
        memset(s->state[i].in, s->state[i].zero_point, s->state[i].size);
    }
    memset(s->features.data, s->features.zero_point, s->features.size);
    memset(s->scores.data, s->scores.zero_point, s->scores.size);
    if (s->attention.size) {
        memset(s->attention.data, s->attention.zero_point, s->attention.size);
    }
}

size_t sc_stream_step_samples(const sc_stream_t *s) {
    return s->step_samples;
}

static void step(sc_stream_t *s) {
    sc_model_invoke(s->model);
    for (size_t i = 0; i < s->states; i++) {
        memcpy(s->state[i].in, s->state[i].out, s->state[i].size);
    }
    s->frame = 0;
    s->stepped = 1;
}

size_t sc_stream_feed(sc_stream_t *s, const int16_t *pcm, size_t n) {
    size_t taken = 0;
    s->stepped = 0;
    while (taken < n && !s->stepped) {
        int8_t *frame = s->features.data + (size_t)s->frame * s->width;
        int made = 0;
        taken += sc_frontend_push(s->frontend, pcm + taken, n - taken, frame, &made);
        s->frame += made;
        if (s->frame == s->hop_frames) {
            step(s);
        }
    }
    return taken;
}

int sc_stream_stepped(const sc_stream_t *s) {
    return s->stepped;
}

void sc_stream_scores(const sc_stream_t *s, sc_model_tensor_t *tensor) {
    *tensor = s->scores;
}

void sc_stream_attention(const sc_stream_t *s, sc_model_tensor_t *tensor) {
    *tensor = s->attention;
}

void sc_stream_features(const sc_stream_t *s, sc_model_tensor_t *tensor) {
    *tensor = s->features;
}

size_t sc_stream_arena_size(const sc_stream_t *s) {
    return s->size;
}
