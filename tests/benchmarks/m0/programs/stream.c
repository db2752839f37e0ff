// A detector as a board opens and feeds it. Parts: the .tflite, the samples. Writes the arena's bytes (one word) and the
// scores of every step.
#include "device.h"
#include "stream.h"

static _Alignas(16) uint8_t memory[1 << 18], scratch_memory[1 << 18];

int main(void) {
    part_t file = device_part(0), sound = device_part(1);
    sc_fault_t fault;
    size_t scratch_bytes = sc_model_scratch(file.data, file.bytes);
    if (scratch_bytes > sizeof(scratch_memory)) {
        return 1;
    }
    sc_scratch_t scratch = {scratch_bytes ? scratch_memory : NULL, scratch_bytes};
    size_t bytes = sc_stream_size(file.data, file.bytes, &scratch, &fault);
    sc_stream_t *stream = sc_stream_init(memory, bytes, file.data, file.bytes, &scratch, &fault);
    if (bytes == 0 || bytes > sizeof(memory) || !stream) {
        return 10 + (int)fault.code;
    }
    uint32_t arena = (uint32_t)sc_stream_arena_size(stream);
    device_write(&arena, sizeof(arena));
    const int16_t *pcm = (const void *)sound.data;
    for (size_t left = sound.bytes / 2; left;) {
        size_t taken = sc_stream_feed(stream, pcm, left);
        pcm += taken;
        left -= taken;
        if (sc_stream_stepped(stream)) {
            sc_model_tensor_t scores;
            sc_stream_scores(stream, &scores);
            device_write(scores.data, scores.size);
        }
    }
    return 0;
}
