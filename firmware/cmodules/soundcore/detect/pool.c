#include "detect/pool.h"

#include <string.h>
#include "detect/probability.h"
#include "hot.h"

#define FRACTION (9)     // bits after the point of a pooled mean, in units of the logits' quantization step
#define LOW (1 << 18)    // a den below this is brought up when the attention allows it
#define MOST_UP (12)     // a step of 512 in the logits; beyond, every score is 0, 1/2 or 1
#define LN2_Q20 (726817)

static int32_t clamp_q15(int64_t x) {
    return x < SC_ONE_Q15 ? (int32_t)x : SC_ONE_Q15;
}

SC_COLD void sc_pool_settings_init(sc_pool_settings_t *s, int32_t pool_ms, int32_t rate_hz, int32_t step_samples,
                                   float logit_scale, int32_t zero_point, float attention_scale) {
    uint32_t factor = (sc_scale_q20(logit_scale) + 2) >> 2;
    s->up = 0;
    for (; factor > SC_ONE_Q15 && s->up < MOST_UP; factor = (factor + 1) >> 1) {
        s->up++;
    }
    s->factor = clamp_q15(factor);
    s->zero_point = zero_point;
    s->decay = 0;
    if (pool_ms) {
        uint64_t steps = (uint64_t)(uint32_t)step_samples * 1000 << 20;
        steps = sc_divide_short(sc_divide_short(steps, (uint32_t)rate_hz), (uint32_t)pool_ms);
        s->decay = (int32_t)((sc_exp_q60(steps) + ((uint64_t)1 << 44)) >> 45);
    }
    s->full = clamp_q15((int64_t)(SC_ONE_Q15 - s->decay) << 5);
    s->full += s->full == 0;
    uint32_t scale = attention_scale > 0 ? sc_scale_q20(attention_scale) : 0;
    sc_powers(sc_exp_q60(scale), s->powers, 256);
    uint32_t down = scale ? LN2_Q20 / scale : 0;
    s->down = (int32_t)(down < 255 ? down : 255);
    // 1 / exp(-scale * down) - 1 in Q60, bit by bit; the power is in 1/2 … 1.
    uint64_t power = sc_exp_q60((uint64_t)scale * (uint32_t)s->down), rest = ((uint64_t)1 << 60) - power, gain = 0;
    for (int i = 0; i < 60; i++) {
        rest <<= 1;
        gain <<= 1;
        if (rest >= power) {
            rest -= power;
            gain |= 1;
        }
    }
    s->gain = clamp_q15((int64_t)((gain + ((uint64_t)1 << 44)) >> 45));
}

void sc_pool_reset(sc_pool_t *p, int32_t *num, size_t count) {
    p->den = 0;
    p->ref = -128;
    memset(num, 0, count * sizeof(*num));
}

static void scale(sc_pool_t *p, int32_t *num, size_t count, int32_t factor) {
    p->den = sc_mul_q15(p->den, factor);
    for (size_t i = 0; i < count; i++) {
        num[i] = sc_mul_q15(num[i], factor);
    }
}

void sc_pool_step(sc_pool_t *p, const sc_pool_settings_t *s, int32_t *num, size_t count, int32_t attention,
                  const int8_t *logits) {
    if (attention > p->ref) {
        scale(p, num, count, s->powers[attention - p->ref]);
        p->ref = attention;
    }
    scale(p, num, count, s->decay);
    if (p->den == 0) {
        sc_pool_reset(p, num, count);
        p->ref = attention;
    } else if (s->down) {
        while (p->den < LOW && p->ref - s->down >= attention) {
            p->ref -= s->down;
            p->den += sc_mul_q15(p->den, s->gain);
            for (size_t i = 0; i < count; i++) {
                num[i] += sc_mul_q15(num[i], s->gain);
            }
        }
    }
    int32_t weight = sc_mul_q15(s->full, s->powers[p->ref - attention]);
    weight += weight == 0;
    p->den += weight;
    for (size_t i = 0; i < count; i++) {
        num[i] += weight * (logits[i] - s->zero_point);
    }
}

int32_t sc_pool_logit(const sc_pool_settings_t *s, int32_t num, int32_t den) {
    int32_t whole = num / den, rest = num - whole * den;
    if (rest < 0) { // rounded down
        whole--;
        rest += den;
    }
    int32_t mean = whole * (1 << FRACTION) + (rest << FRACTION) / den;
    return sc_mul_q15(mean * (1 << s->up), s->factor);
}
