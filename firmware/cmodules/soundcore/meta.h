// The part of a detector's metadata that the C core needs; what the detector needs stays with soundfw.
#ifndef SND_META_H
#define SND_META_H

#include "frontend/frontend.h"

#define SND_META_NAME "soundsdk"
#define SND_META_VERSION (1)
#define SND_META_MAX_STATES (16)

typedef struct {
    snd_frontend_settings_t frontend;
    int32_t hop_frames;
    int32_t features;  // input index
    int32_t scores;    // output index
    int32_t attention; // output index, -1 if none
    size_t labels;     // how many
    size_t states;     // how many pairs
    struct {
        int32_t input;
        int32_t output;
    } state[SND_META_MAX_STATES];
} snd_meta_t;

// Reads the `soundsdk` buffer of a .tflite; 1, or 0 and a fault.
int snd_meta_read(snd_meta_t *meta, const void *file, size_t length, snd_fault_t *fault);

#endif
