// All that a program needs to run any detector on samples, every operator included. It is linked, not run.
#include "device.h"
#include "stream.h"

static _Alignas(16) uint8_t memory[1 << 16];
static volatile size_t length;

int main(void) {
    sc_fault_t fault;
    if (!sc_stream_size(memory, length, NULL, &fault)) {
        return 1;
    }
    sc_stream_t *stream = sc_stream_init(memory, length, memory, length, NULL, &fault);
    sc_stream_reset(stream);
    sc_stream_feed(stream, (const int16_t *)memory, length);
    sc_model_tensor_t scores;
    sc_stream_scores(stream, &scores);
    return scores.data[0];
}
