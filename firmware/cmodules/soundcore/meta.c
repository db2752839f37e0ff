#include "meta.h"

#include <string.h>
#include "json.h"
#include "nn/model.h"

static int read_int(sc_json_t object, const char *key, int32_t *number) {
    sc_json_t value;
    return sc_json_member(object, key, &value) && sc_json_int(value, number);
}

static int read_frontend(sc_json_t object, sc_frontend_settings_t *s) {
    return read_int(object, "rate_hz", &s->rate_hz)
           && read_int(object, "window", &s->window)
           && read_int(object, "hop", &s->hop)
           && read_int(object, "fft", &s->fft)
           && read_int(object, "bands", &s->bands)
           && read_int(object, "low_hz", &s->low_hz)
           && read_int(object, "high_hz", &s->high_hz)
           && read_int(object, "coefficients", &s->coefficients)
           && read_int(object, "floor_db", &s->floor_db)
           && read_int(object, "step_mdb", &s->step_mdb);
}

static int read_states(sc_json_t root, sc_meta_t *meta) {
    sc_json_t states, pair, value;
    if (!sc_json_member(root, "states", &states) || !sc_json_count(states, &meta->states)
        || meta->states > SC_META_MAX_STATES) {
        return 0;
    }
    for (size_t i = 0; i < meta->states; i++) {
        size_t two;
        if (!sc_json_item(states, i, &pair) || !sc_json_count(pair, &two) || two != 2
            || !sc_json_item(pair, 0, &value) || !sc_json_int(value, &meta->state[i].input)
            || !sc_json_item(pair, 1, &value) || !sc_json_int(value, &meta->state[i].output)) {
            return 0;
        }
    }
    return 1;
}

int sc_meta_read(sc_meta_t *meta, const void *file, size_t length, sc_fault_t *fault) {
    size_t size = 0;
    sc_json_t root, value;
    int32_t version;
    sc_error_fail(fault, SC_OK);
    const void *text = sc_model_metadata(file, length, SC_META_NAME, &size, fault);
    if (!text) {
        return fault->code == SC_OK ? sc_error_fail(fault, SC_E_META) : 0;
    }
    if (!sc_json_parse(text, size, &root)) {
        return sc_error_fail(fault, SC_E_META_JSON);
    }
    // Versions first: a later format may lack everything that is read below.
    if (!read_int(root, "soundsdk", &version) || version != SC_META_VERSION) {
        return sc_error_fail(fault, SC_E_META_VERSION);
    }
    memset(meta, 0, sizeof(*meta));
    if (!sc_json_member(root, "frontend", &value)) {
        return sc_error_fail(fault, SC_E_META_JSON);
    }
    if (!read_int(value, "version", &version) || version != SC_FRONTEND_VERSION) {
        return sc_error_fail(fault, SC_E_META_FRONTEND);
    }
    meta->attention = -1;
    if (!read_frontend(value, &meta->frontend)
        || !read_int(root, "hop_frames", &meta->hop_frames)
        || !read_int(root, "features", &meta->features)
        || !read_int(root, "scores", &meta->scores)
        || !sc_json_member(root, "labels", &value) || !sc_json_count(value, &meta->labels)
        || (sc_json_member(root, "attention", &value) && !sc_json_int(value, &meta->attention))
        || !read_states(root, meta)) {
        return sc_error_fail(fault, SC_E_META_JSON);
    }
    return 1;
}
