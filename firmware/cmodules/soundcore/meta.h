// The part of a detector's metadata that the C core needs; soundfw reads the rest.
#ifndef SC_META_H
#define SC_META_H

#include "frontend/frontend.h"

#define SC_META_NAME "soundsdk"
#define SC_META_VERSION (1)
#define SC_META_MAX_STATES (16)

typedef struct {
    sc_frontend_settings_t frontend;
    int32_t hop_frames;
    int32_t features;  // input index
    int32_t scores;    // output index
    int32_t attention; // output index, -1 if none
    size_t labels;     // how many
    size_t states;     // how many pairs
    struct {
        int32_t input;
        int32_t output;
    } state[SC_META_MAX_STATES];
} sc_meta_t;

// Reads the `soundsdk` buffer of a .tflite; 1, or 0 and a fault.
int sc_meta_read(sc_meta_t *meta, const void *file, size_t length, sc_fault_t *fault);

#endif
