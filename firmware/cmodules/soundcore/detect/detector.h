// Events from the logits of each step: pooling, probability, thresholds with hysteresis, and the rise of the sound.
// soundfw/detect/detector.py is the definition, with the reasons; labels, scores and times are equal.
#ifndef SC_DETECTOR_H
#define SC_DETECTOR_H

#include "stream.h"

typedef struct sc_detector sc_detector_t;

// What a detector is made with.
typedef struct {
    const sc_frontend_settings_t *frontend; // of the stream's metadata; used while it is made
    int32_t softmax;                        // 1: softmax over the classes, 0: a sigmoid of each
    int32_t pool_ms;                        // 0..60000; 0: no pooling
} sc_detector_settings_t;

// The rules by which one class is on: 1/1000, and milliseconds of sound. Read at every step.
typedef struct {
    uint16_t on;
    uint16_t off;
    uint16_t min_ms;
    uint16_t hold_ms;
} sc_rule_t;

// What the last step shows of each class, (classes) each.
typedef struct {
    uint8_t *edge;     // SC_EDGE_NONE, SC_EDGE_ON or SC_EDGE_OFF
    uint32_t *id;      // of the class's newest event
    int32_t *ago;      // of the edge, in samples before `now`
    uint16_t *scores;  // 1/1000
    uint16_t *peak;    // highest score of the event so far, 1/1000
} sc_detector_outputs_t;

enum { SC_EDGE_NONE, SC_EDGE_ON, SC_EDGE_OFF };

// Bytes of memory for the detector of a stream; 0 and a fault if the settings are refused.
size_t sc_detector_size(const sc_stream_t *stream, const sc_detector_settings_t *settings, sc_fault_t *fault);
// memory: 16-byte aligned, of sc_detector_size bytes. The stream stays the detector's: its views are read at each step.
sc_detector_t *sc_detector_init(void *memory, const sc_stream_t *stream, const sc_detector_settings_t *settings);
// Forgets the sound and open events; ids go on.
void sc_detector_reset(sc_detector_t *d);
// Processes the stream's newest step, which ended at sample `now`, counted modulo 2^32; returns how many classes changed.
size_t sc_detector_step(sc_detector_t *d, const sc_rule_t *rules /* (classes) */, uint32_t now);
// Ends the events that are still on, because the sound has ended; returns how many classes changed.
size_t sc_detector_close(sc_detector_t *d, uint32_t now);
size_t sc_detector_classes(const sc_detector_t *d);
void sc_detector_outputs(const sc_detector_t *d, sc_detector_outputs_t *out);

#endif
