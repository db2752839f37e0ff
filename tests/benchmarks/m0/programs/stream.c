// A detector as a board opens and feeds it. Parts: the .tflite, the samples, softmax and pool_ms (words), the rules of
// all classes. Writes the arena's bytes (one word), then the logits and the detector's scores of every step.
#include "detect/detector.h"
#include "device.h"
#include "meta.h"
#include "stream.h"

static _Alignas(16) uint8_t memory[1 << 18], detector_memory[1 << 16], scratch_memory[1 << 18];

static sc_stream_t *open_stream(part_t file, sc_fault_t *fault) {
    size_t scratch_bytes = sc_model_scratch(file.data, file.bytes);
    sc_scratch_t scratch = {scratch_bytes ? scratch_memory : NULL, scratch_bytes};
    if (scratch_bytes > sizeof(scratch_memory)) {
        return NULL;
    }
    size_t bytes = sc_stream_size(file.data, file.bytes, &scratch, fault);
    return sc_stream_init(memory, bytes < sizeof(memory) ? bytes : 0, file.data, file.bytes, &scratch, fault);
}

static sc_detector_t *open_detector(part_t file, const sc_stream_t *stream, part_t settings, sc_fault_t *fault) {
    sc_meta_t meta;
    const int32_t *words = (const void *)settings.data;
    if (!sc_meta_read(&meta, file.data, file.bytes, fault)) {
        return NULL;
    }
    sc_detector_settings_t made_with = {&meta.frontend, words[0], words[1]};
    size_t bytes = sc_detector_size(stream, &made_with, fault);
    return bytes && bytes <= sizeof(detector_memory) ? sc_detector_init(detector_memory, stream, &made_with) : NULL;
}

static void write_step(const sc_stream_t *stream, const sc_detector_t *detector) {
    sc_model_tensor_t logits;
    sc_detector_outputs_t shown;
    sc_stream_scores(stream, &logits);
    sc_detector_outputs(detector, &shown);
    device_write(logits.data, logits.size);
    device_write(shown.scores, sc_detector_classes(detector) * sizeof(shown.scores[0]));
}

int main(void) {
    part_t file = device_part(0), sound = device_part(1), rules = device_part(3);
    sc_fault_t fault;
    sc_stream_t *stream = open_stream(file, &fault);
    sc_detector_t *detector = stream ? open_detector(file, stream, device_part(2), &fault) : NULL;
    if (!detector || rules.bytes != sc_detector_classes(detector) * sizeof(sc_rule_t)) {
        return 10 + (int)fault.code;
    }
    uint32_t arena = (uint32_t)sc_stream_arena_size(stream);
    device_write(&arena, sizeof(arena));
    const int16_t *pcm = (const void *)sound.data;
    for (size_t at = 0; at < sound.bytes / 2;) {
        at += sc_stream_feed(stream, pcm + at, sound.bytes / 2 - at);
        if (sc_stream_stepped(stream)) {
            sc_detector_step(detector, (const void *)rules.data, (uint32_t)at);
            write_step(stream, detector);
        }
    }
    return 0;
}
