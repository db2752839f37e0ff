// Frontend and model joined by the model's own metadata: PCM in, class scores per step out.
#ifndef SND_STREAM_H
#define SND_STREAM_H

#include "frontend/frontend.h"
#include "nn/model.h"

typedef struct snd_stream snd_stream_t;

// Like snd_model_size: file is 4-byte aligned and kept; 0 and a fault if refused.
size_t snd_stream_size(const void *file, size_t length, snd_fault_t *fault);
// memory: 16-byte aligned.
snd_stream_t *snd_stream_init(void *memory, size_t size, const void *file, size_t length, snd_fault_t *fault);
// Forgets all audio and sets every state to zero (its zero point).
void snd_stream_reset(snd_stream_t *s);
// Samples per step: hop * hop_frames.
size_t snd_stream_step_samples(const snd_stream_t *s);
// Samples until the next step ends.
size_t snd_stream_needed(const snd_stream_t *s);
// Takes all n samples, runs the steps they complete and returns how many. scores then show the last one.
size_t snd_stream_feed(snd_stream_t *s, const int16_t *pcm, size_t n);
// Logits (classes) of the newest step; attention logits (1 or classes), size 0 when the model has none.
void snd_stream_scores(const snd_stream_t *s, snd_model_tensor_t *tensor);
void snd_stream_attention(const snd_stream_t *s, snd_model_tensor_t *tensor);
// The newest step's features (hop_frames, width); frames of the next step overwrite them one by one.
void snd_stream_features(const snd_stream_t *s, snd_model_tensor_t *tensor);
// The frontend settings read from the file.
const snd_frontend_settings_t *snd_stream_frontend(const snd_stream_t *s);
size_t snd_stream_arena_size(const snd_stream_t *s);

#endif
