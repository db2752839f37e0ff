#include "detect/detector.h"

#include <string.h>
#include "detect/pool.h"
#include "detect/probability.h"
#include "detect/rise.h"
#include "hot.h"
#include "layout.h"

#define BACK_MS (1000)  // an onset is dated back this far at most, or pool_ms if that is longer
#define AGAIN_MS (1000) // a sound that goes on after its event is another one when it was as loud for so long
#define PAUSE_MS (1800) // a sound may pause so long while its score stays up
#define MOST_POOL_MS (60000)
#define LONG_AGO (1 << 30)

enum {
    IDLE,
    RISING,  // at or above `on` once, not yet for min_ms
    OVER,    // the event has ended with its sound, and the score is still up
    ACTIVE,  // an event, as all from here on
    FALLING, // below `off`, not yet for hold_ms
    QUIET,   // at or above `off`, but the sound has gone
};

// One class. Times are in samples before the newest step's end, LONG_AGO at most.
typedef struct {
    int32_t state;
    int32_t fell;    // the step began in which the score, or the sound before it, fell
    int32_t held;    // from here the hold counts
    int32_t run;     // the newest step below `off` ended
    int32_t start;
    int32_t reached; // the step began that reached `on`
    int32_t loud;    // samples for which the sound was as loud again, after its event
    sc_rise_t rise;
} class_t;

struct sc_detector {
    const int8_t *logits;
    const int8_t *attention;
    uint32_t now;
    uint32_t next_id;
    int32_t rate_hz;
    int32_t step_samples;
    int32_t back;
    uint16_t classes;
    uint16_t pools;           // 1, or one per class
    uint8_t softmax;
    uint8_t has_attention;
    sc_detector_outputs_t out;
    class_t *class;           // (classes)
    sc_pool_t *pool;          // (pools)
    int32_t *num;             // (classes), of the pools
    int32_t *z;               // (classes), Q12
    sc_pool_settings_t pooling;
    sc_levels_t levels;
    uint16_t exp[SC_EXP_ENTRIES];
};

// Offsets of the arrays behind the struct.
typedef struct {
    size_t class, pool, num, z, id, ago, scores, peak, edge, end;
} layout_t;

SC_COLD static layout_t lay_out(size_t classes, size_t pools) {
    layout_t at = {.end = 0};
    sc_layout_reserve(&at.end, sizeof(sc_detector_t));
    at.class = sc_layout_reserve(&at.end, classes * sizeof(class_t));
    at.pool = sc_layout_reserve(&at.end, pools * sizeof(sc_pool_t));
    at.num = sc_layout_reserve(&at.end, classes * sizeof(int32_t));
    at.z = sc_layout_reserve(&at.end, classes * sizeof(int32_t));
    at.id = sc_layout_reserve(&at.end, classes * sizeof(uint32_t));
    at.ago = sc_layout_reserve(&at.end, classes * sizeof(int32_t));
    at.scores = sc_layout_reserve(&at.end, classes * sizeof(uint16_t));
    at.peak = sc_layout_reserve(&at.end, classes * sizeof(uint16_t));
    at.edge = sc_layout_reserve(&at.end, classes);
    return at;
}

static size_t pools_of(const sc_model_tensor_t *scores, const sc_model_tensor_t *attention) {
    return attention->size > 1 ? scores->size : 1;
}

SC_COLD size_t sc_detector_size(const sc_stream_t *stream, const sc_detector_settings_t *settings, sc_fault_t *fault) {
    sc_model_tensor_t scores, attention;
    sc_stream_scores(stream, &scores);
    sc_stream_attention(stream, &attention);
    if (settings->pool_ms < 0 || settings->pool_ms > MOST_POOL_MS) {
        return (size_t)sc_error_fail(fault, SC_E_DETECTOR_TIME);
    }
    return lay_out(scores.size, pools_of(&scores, &attention)).end;
}

SC_COLD sc_detector_t *sc_detector_init(void *memory, const sc_stream_t *stream,
                                        const sc_detector_settings_t *settings) {
    sc_detector_t *d = memory;
    char *bytes = memory;
    sc_model_tensor_t scores, attention, features;
    sc_stream_scores(stream, &scores);
    sc_stream_attention(stream, &attention);
    sc_stream_features(stream, &features);
    const sc_frontend_settings_t *frontend = settings->frontend;
    size_t pools = pools_of(&scores, &attention);
    layout_t at = lay_out(scores.size, pools);
    memset(memory, 0, at.end);
    d->class = (void *)(bytes + at.class);
    d->pool = (void *)(bytes + at.pool);
    d->num = (void *)(bytes + at.num);
    d->z = (void *)(bytes + at.z);
    d->out.id = (void *)(bytes + at.id);
    d->out.ago = (void *)(bytes + at.ago);
    d->out.scores = (void *)(bytes + at.scores);
    d->out.peak = (void *)(bytes + at.peak);
    d->out.edge = (void *)(bytes + at.edge);
    d->logits = scores.data;
    d->attention = attention.data;
    d->has_attention = attention.size != 0;
    d->classes = (uint16_t)scores.size;
    d->pools = (uint16_t)pools;
    d->softmax = settings->softmax != 0;
    d->next_id = 1;
    d->rate_hz = frontend->rate_hz;
    d->step_samples = (int32_t)sc_stream_step_samples(stream);
    int32_t back_ms = settings->pool_ms > BACK_MS ? settings->pool_ms : BACK_MS;
    d->back = (int32_t)((uint32_t)back_ms * (uint32_t)frontend->rate_hz / 1000);
    sc_powers(sc_exp_q60(1 << 15), d->exp, SC_EXP_ENTRIES);
    sc_pool_settings_init(&d->pooling, settings->pool_ms, frontend->rate_hz, d->step_samples, scores.scale,
                          scores.zero_point, attention.size ? attention.scale : 0);
    sc_levels_init(&d->levels, features.data, features.shape[1], frontend, d->step_samples);
    sc_detector_reset(d);
    return d;
}

void sc_detector_reset(sc_detector_t *d) {
    size_t shared = d->classes / d->pools;
    for (size_t i = 0; i < d->pools; i++) {
        sc_pool_reset(&d->pool[i], d->num + i, shared);
    }
    sc_levels_reset(&d->levels);
    for (size_t i = 0; i < d->classes; i++) {
        sc_rise_forget(&d->class[i].rise);
        d->class[i].state = IDLE;
        d->class[i].run = d->now < LONG_AGO ? (int32_t)d->now : LONG_AGO; // since the start
        d->out.edge[i] = SC_EDGE_NONE;
    }
}

static int32_t older(int32_t age, uint32_t samples) {
    return samples < (uint32_t)(LONG_AGO - age) ? age + (int32_t)samples : LONG_AGO;
}

static void move_on(sc_detector_t *d, uint32_t now) {
    uint32_t samples = now - d->now;
    d->now = now;
    for (class_t *c = d->class; c < d->class + d->classes; c++) {
        c->fell = older(c->fell, samples);
        c->held = older(c->held, samples);
        c->run = older(c->run, samples);
        c->start = older(c->start, samples);
        c->reached = older(c->reached, samples);
    }
}

// 1 if samples last for at least ms.
static int lasts(const sc_detector_t *d, int32_t samples, int32_t ms) {
    return (uint32_t)samples >= ((uint32_t)ms * (uint32_t)d->rate_hz + 999) / 1000;
}

// Begins the event that `start` dates.
static int begin(sc_detector_t *d, size_t i) {
    d->class[i].state = ACTIVE;
    d->out.id[i] = d->next_id++;
    d->out.ago[i] = d->class[i].start;
    return SC_EDGE_ON;
}

// Ends the event if it has been below `off`, or quiet, for long enough. fallen: the score has been below.
static int end(sc_detector_t *d, size_t i, const sc_rule_t *rule, int fallen) {
    class_t *c = &d->class[i];
    int32_t hold = c->state == QUIET && rule->hold_ms < PAUSE_MS ? PAUSE_MS : rule->hold_ms;
    if (!lasts(d, c->held, hold)) {
        return SC_EDGE_NONE;
    }
    c->state = fallen ? IDLE : OVER;
    c->loud = 0;
    d->out.ago[i] = c->fell;
    sc_rise_ended(&c->rise, &d->levels);
    return SC_EDGE_OFF;
}

static int over_again(sc_detector_t *d, size_t i, const sc_rule_t *rule, int32_t score) {
    class_t *c = &d->class[i];
    // A sound that goes on, or comes again, while its score is up is an event of its own.
    if (score < rule->on) {
        c->loud = 0;
        return SC_EDGE_NONE;
    }
    if (!sc_rise_again(&c->rise, &d->levels)) {
        return SC_EDGE_NONE;
    }
    if (c->loud == 0) {
        c->start = d->step_samples;
    }
    c->loud += d->step_samples;
    if (!lasts(d, c->loud, rule->min_ms > AGAIN_MS ? rule->min_ms : AGAIN_MS)) {
        return SC_EDGE_NONE;
    }
    d->out.peak[i] = (uint16_t)score;
    return begin(d, i);
}

static int decide(sc_detector_t *d, size_t i, const sc_rule_t *rule) {
    class_t *c = &d->class[i];
    int32_t score = d->out.scores[i], step = d->step_samples;
    int low = score < rule->off, over = 0;
    if (low && c->state < ACTIVE) {
        if (c->rise.age >= 0) {
            sc_rise_reset(&c->rise);
        }
    } else {
        sc_rise_follow(&c->rise, &d->levels, c->state == IDLE);
        over = c->state >= ACTIVE && sc_rise_over(&c->rise, &d->levels);
    }
    if (low) {
        c->run = 0;
    }
    if (low || over) {
        if (c->state == ACTIVE) {
            c->fell = c->held = step;
        } else if (c->state < ACTIVE) {
            c->state = IDLE;
            return SC_EDGE_NONE;
        } else if (c->state == QUIET && low) {
            c->held = step;
        }
        c->state = low || c->state == FALLING ? FALLING : QUIET;
        return end(d, i, rule, low);
    }
    if (c->state == OVER) {
        return over_again(d, i, rule, score);
    }
    if (c->state == IDLE) {
        if (score < rule->on) {
            return SC_EDGE_NONE;
        }
        // Pooling and the network's own memory make the score rise slowly: the sound began where it left `off`.
        c->start = c->run < step + d->back ? c->run : step + d->back;
        c->reached = step;
        d->out.peak[i] = 0;
        c->state = RISING;
    } else if (c->state == FALLING && score < rule->on && !sc_rise_back(&c->rise, &d->levels)) {
        return end(d, i, rule, 1); // something else lifts the score
    } else if (c->state != RISING) {
        c->state = ACTIVE;
    }
    if (score > d->out.peak[i]) {
        d->out.peak[i] = (uint16_t)score;
    }
    return c->state == RISING && lasts(d, c->reached, rule->min_ms) ? begin(d, i) : SC_EDGE_NONE;
}

size_t sc_detector_step(sc_detector_t *d, const sc_rule_t *rules, uint32_t now) {
    size_t changed = 0, shared = d->classes / d->pools;
    for (size_t i = 0; i < d->pools; i++) {
        sc_pool_step(&d->pool[i], &d->pooling, d->num + i, shared, d->has_attention ? d->attention[i] : 0,
                     d->logits + i);
    }
    for (size_t i = 0; i < d->classes; i++) {
        d->z[i] = sc_pool_logit(&d->pooling, d->num[i], d->pool[d->pools > 1 ? i : 0].den);
        if (!d->softmax) {
            d->out.scores[i] = sc_sigmoid(d->exp, d->z[i]);
        }
    }
    if (d->softmax) {
        sc_softmax(d->exp, d->z, d->out.scores, d->classes);
    }
    sc_levels_step(&d->levels);
    move_on(d, now);
    for (size_t i = 0; i < d->classes; i++) {
        int edge = decide(d, i, &rules[i]);
        d->out.edge[i] = (uint8_t)edge;
        changed += edge != SC_EDGE_NONE;
    }
    return changed;
}

size_t sc_detector_close(sc_detector_t *d, uint32_t now) {
    size_t changed = 0;
    move_on(d, now);
    for (size_t i = 0; i < d->classes; i++) {
        class_t *c = &d->class[i];
        d->out.edge[i] = c->state >= ACTIVE ? SC_EDGE_OFF : SC_EDGE_NONE;
        if (c->state >= ACTIVE) {
            d->out.ago[i] = c->state == ACTIVE ? 0 : c->fell;
            changed++;
        }
        c->state = IDLE;
    }
    return changed;
}

size_t sc_detector_classes(const sc_detector_t *d) {
    return d->classes;
}

void sc_detector_outputs(const sc_detector_t *d, sc_detector_outputs_t *out) {
    *out = d->out;
}
