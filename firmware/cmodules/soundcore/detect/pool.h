// Pooling of logits over time: an attention-weighted mean that forgets. soundfw/detect/detector.py is the definition.
//
//     num = num * d + exp(a) * z      den = den * d + exp(a)      d = exp(-step / pool)      pooled = num / den
#ifndef SC_POOL_H
#define SC_POOL_H

#include <stddef.h>
#include <stdint.h>

// What all pools of a detector share.
typedef struct {
    int32_t decay;        // Q15
    int32_t full;         // the largest weight
    int32_t down, gain;   // lowering ref by `down` attention steps multiplies by 1 + gain
    int32_t zero_point;   // of the logits
    int32_t factor;       // of a logit's quantization step, Q12 after `up`
    int32_t up;
    uint16_t powers[256]; // of exp(-scale of the attention), Q15
} sc_pool_settings_t;

// Leaky weighted sums of neighbouring classes that share one attention logit, relative to exp(ref).
typedef struct {
    int32_t den;
    int32_t ref;
} sc_pool_t;

// pool_ms: the time constant, 0 for no pooling. Scales are those of the tensors; of attention 0 if there is none.
void sc_pool_settings_init(sc_pool_settings_t *s, int32_t pool_ms, int32_t rate_hz, int32_t step_samples,
                           float logit_scale, int32_t zero_point, float attention_scale);
void sc_pool_reset(sc_pool_t *p, int32_t *num /* (count) */, size_t count);
// Adds one step.
void sc_pool_step(sc_pool_t *p, const sc_pool_settings_t *s, int32_t *num /* (count) */, size_t count,
                  int32_t attention, const int8_t *logits /* (count) */);
// num / den in units of the logits, in Q12.
int32_t sc_pool_logit(const sc_pool_settings_t *s, int32_t num, int32_t den);

#endif
