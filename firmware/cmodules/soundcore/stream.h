// Frontend and model joined by the model's own metadata: PCM in, class scores per step out.
#ifndef SC_STREAM_H
#define SC_STREAM_H

#include "frontend/frontend.h"
#include "nn/model.h"

typedef struct sc_stream sc_stream_t;

// Like sc_model_size: file is 4-byte aligned and kept; 0 and a fault if refused.
size_t sc_stream_size(const void *file, size_t length, const sc_scratch_t *scratch, sc_fault_t *fault);
// memory: 16-byte aligned.
sc_stream_t *sc_stream_init(void *memory, size_t size, const void *file, size_t length, const sc_scratch_t *scratch,
                            sc_fault_t *fault);
// Forgets all audio and sets every state to zero (its zero point).
void sc_stream_reset(sc_stream_t *s);
// Samples per step: hop * hop_frames.
size_t sc_stream_step_samples(const sc_stream_t *s);
// Takes samples up to the end of the step and returns how many: all n, or fewer if the step ended before.
size_t sc_stream_feed(sc_stream_t *s, const int16_t *pcm, size_t n);
// 1 if the last feed ended a step: scores and features are that step's until the next feed.
int sc_stream_stepped(const sc_stream_t *s);
// Logits (classes) of the newest step; attention logits (1 or classes), size 0 when the model has none.
void sc_stream_scores(const sc_stream_t *s, sc_model_tensor_t *tensor);
void sc_stream_attention(const sc_stream_t *s, sc_model_tensor_t *tensor);
// The newest step's features (hop_frames, width); the next feed begins to overwrite them.
void sc_stream_features(const sc_stream_t *s, sc_model_tensor_t *tensor);
size_t sc_stream_arena_size(const sc_stream_t *s);

#endif
