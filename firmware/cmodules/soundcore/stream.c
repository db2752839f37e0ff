#include "stream.h"

#include <string.h>
#include "meta.h"

struct sc_stream {
    sc_meta_t meta;
    sc_frontend_t *frontend;
    sc_model_t *model;
    size_t size;
    int32_t frame;        // frames of the next step that are there already
    sc_model_tensor_t features;
    sc_model_tensor_t scores;
    sc_model_tensor_t attention;
};

// Layout of the caller's memory: this struct, the frontend, the model, each on a 16-byte boundary.
static size_t round_up(size_t n) {
    return (n + 15) & ~(size_t)15;
}

size_t sc_stream_size(const void *file, size_t length, sc_fault_t *fault) {
    sc_meta_t meta;
    if (!sc_meta_read(&meta, file, length, fault)) {
        return 0;
    }
    size_t model = sc_model_size(file, length, fault);
    size_t frontend = model ? sc_frontend_size(&meta.frontend, fault) : 0;
    return frontend ? round_up(sizeof(sc_stream_t)) + round_up(frontend) + model : 0;
}

static int same_tensor(const sc_model_tensor_t *a, const sc_model_tensor_t *b) {
    return a->size == b->size && a->dims == b->dims
           && memcmp(a->shape, b->shape, (size_t)a->dims * sizeof(a->shape[0])) == 0
           && a->scale == b->scale && a->zero_point == b->zero_point;
}

static int check_features(sc_stream_t *s) {
    const sc_meta_t *meta = &s->meta;
    if (meta->features < 0 || (size_t)meta->features >= sc_model_inputs(s->model) || meta->hop_frames < 1) {
        return 0;
    }
    sc_model_input(s->model, (size_t)meta->features, &s->features);
    return s->features.dims == 4 && s->features.shape[0] == 1 && s->features.shape[1] == meta->hop_frames
           && (size_t)s->features.shape[2] == sc_frontend_width(s->frontend) && s->features.shape[3] == 1;
}

static int check_scores(sc_stream_t *s) {
    const sc_meta_t *meta = &s->meta;
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
static int check_states(const sc_stream_t *s) {
    const sc_meta_t *meta = &s->meta;
    if (meta->states + 1 != sc_model_inputs(s->model)) {
        return 0;
    }
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
    }
    return 1;
}

sc_stream_t *sc_stream_init(void *memory, size_t size, const void *file, size_t length, sc_fault_t *fault) {
    size_t needed = sc_stream_size(file, length, fault);
    if (needed == 0) {
        return NULL;
    }
    if (size < needed) {
        sc_error_fail(fault, SC_E_MEMORY);
        return NULL;
    }
    sc_stream_t *s = memory;
    memset(s, 0, sizeof(*s));
    sc_meta_read(&s->meta, file, length, fault);
    size_t frontend_at = round_up(sizeof(sc_stream_t));
    size_t frontend_size = sc_frontend_size(&s->meta.frontend, fault);
    size_t model_at = frontend_at + round_up(frontend_size);
    s->size = needed;
    s->frontend = sc_frontend_init((char *)memory + frontend_at, frontend_size, &s->meta.frontend, fault);
    s->model = s->frontend ? sc_model_init((char *)memory + model_at, size - model_at, file, length, fault) : NULL;
    if (!s->model) {
        return NULL;
    }
    if (!check_features(s)) {
        sc_error_fail(fault, SC_E_META_FEATURES);
        return NULL;
    }
    if (!check_scores(s)) {
        sc_error_fail(fault, SC_E_META_SCORES);
        return NULL;
    }
    if (!check_states(s)) {
        sc_error_fail(fault, SC_E_META_STATES);
        return NULL;
    }
    sc_stream_reset(s);
    return s;
}

void sc_stream_reset(sc_stream_t *s) {
    sc_frontend_reset(s->frontend);
    s->frame = 0;
    for (size_t i = 0; i < s->meta.states; i++) {
        sc_model_tensor_t state;
        sc_model_input(s->model, (size_t)s->meta.state[i].input, &state);
        memset(state.data, state.zero_point, state.size);
    }
    memset(s->features.data, s->features.zero_point, s->features.size);
    memset(s->scores.data, s->scores.zero_point, s->scores.size);
    if (s->attention.size) {
        memset(s->attention.data, s->attention.zero_point, s->attention.size);
    }
}

size_t sc_stream_step_samples(const sc_stream_t *s) {
    return (size_t)s->meta.frontend.hop * (size_t)s->meta.hop_frames;
}

size_t sc_stream_needed(const sc_stream_t *s) {
    // The frontend says what its next frame lacks; each frame after that is one hop.
    return sc_frontend_needed(s->frontend)
           + (size_t)(s->meta.hop_frames - 1 - s->frame) * (size_t)s->meta.frontend.hop;
}

static void step(sc_stream_t *s) {
    sc_model_invoke(s->model);
    for (size_t i = 0; i < s->meta.states; i++) {
        sc_model_tensor_t in, out;
        sc_model_input(s->model, (size_t)s->meta.state[i].input, &in);
        sc_model_output(s->model, (size_t)s->meta.state[i].output, &out);
        memcpy(in.data, out.data, in.size);
    }
}

size_t sc_stream_feed(sc_stream_t *s, const int16_t *pcm, size_t n) {
    size_t steps = 0;
    size_t width = sc_frontend_width(s->frontend);
    while (n) {
        int made = 0;
        size_t took = sc_frontend_push(s->frontend, pcm, n, s->features.data + (size_t)s->frame * width, &made);
        pcm += took;
        n -= took;
        if (made && ++s->frame == s->meta.hop_frames) {
            s->frame = 0;
            step(s);
            steps++;
        }
    }
    return steps;
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

const sc_frontend_settings_t *sc_stream_frontend(const sc_stream_t *s) {
    return &s->meta.frontend;
}

size_t sc_stream_arena_size(const sc_stream_t *s) {
    return s->size;
}
