// Seeded mutations of model files: size, init, invoke and the stream must refuse or run, and never touch memory that is
// not theirs. Built with AddressSanitizer and UBSan; every buffer is a heap block of exactly the size it was given.
//
//   fuzz_model MUTATIONS SEED FILE...        all of them
//   fuzz_model @NUMBER SEED FILE...          only that one, as printed when it failed
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "nn/cost.h"
#include "stream.h"

#if defined(__SANITIZE_ADDRESS__)
void __sanitizer_set_death_callback(void (*callback)(void));
#endif

// Multiplications that each mutation earns for invokes: a bound of the whole run's time.
#define WORK_EACH (20000)
#define MAX_ARENA (1 << 17)
#define MAX_FILES (256)

typedef struct {
    uint8_t *data;
    size_t length;
    uint32_t *offsets; // places that look like offsets: where a change bends the structure, not a weight
    size_t offset_count;
} file_t;

static file_t files[MAX_FILES];
static size_t file_count;
static unsigned long current;
static const char *seed_text;
static uint64_t state;

static uint32_t random_bits(void) {
    // splitmix64
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static size_t below(size_t n) {
    return n ? random_bits() % n : 0;
}

static void say_where(void) {
    fprintf(stderr, "failed at mutation %lu: fuzz_model @%lu %s FILE...\n", current, current, seed_text);
}

static uint32_t word_at(const uint8_t *data, size_t at) {
    uint32_t word;
    memcpy(&word, data + at, 4);
    return word;
}

static void load(const char *path) {
    file_t *f = &files[file_count];
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END) != 0) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    f->length = (size_t)ftell(in);
    rewind(in);
    f->data = malloc(f->length + 4);
    f->offsets = malloc((f->length + 4) * sizeof(uint32_t));
    if (fread(f->data, 1, f->length, in) != f->length || f->length < 16) {
        fprintf(stderr, "cannot use %s\n", path);
        exit(2);
    }
    fclose(in);
    for (size_t at = 0; at + 4 <= f->length; at += 4) {
        int64_t word = (int32_t)word_at(f->data, at);
        if (word != 0 && word < (int64_t)f->length && word > -(int64_t)f->length) {
            f->offsets[f->offset_count++] = (uint32_t)at;
        }
    }
    file_count++;
}

static size_t place(const file_t *f, size_t length) {
    size_t at = f->offset_count && random_bits() % 3 ? f->offsets[below(f->offset_count)] + below(4) : below(length);
    return at < length ? at : below(length);
}

static void put_word(uint8_t *data, size_t length, size_t at, uint32_t word) {
    at &= ~(size_t)3;
    if (at + 4 <= length) {
        memcpy(data + at, &word, 4);
    }
}

static void mutate(const file_t *f, uint8_t *data, size_t length) {
    static const uint32_t interesting[] = {
        0, 1, 2, 3, 4, 8, 16, 127, 128, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe,
        0xffffffff, 0x7f800000, 0x7fc00000, 0x3f800000, 0x00000080, 1u << 26, (1u << 26) + 1, 1u << 30,
    };
    size_t at = place(f, length);
    const file_t *other = &files[below(file_count)];
    switch (random_bits() % 9) {
        case 0:
        case 1:
            data[at] ^= (uint8_t)(1u << below(8));
            break;
        case 2:
        case 3:
            data[at] = (uint8_t)random_bits();
            break;
        case 4:
            put_word(data, length, at, interesting[below(sizeof(interesting) / sizeof(interesting[0]))]);
            break;
        case 5: // a little more or less
            put_word(data, length, at, word_at(data, at + 4 <= length ? at & ~(size_t)3 : 0) + below(65) - 32);
            break;
        case 6: // another place of the file, as an offset from here
            put_word(data, length, at, (uint32_t)(below(length) - (at & ~(size_t)3)));
            break;
        case 7: { // a piece of some file, at the place it had or another
            size_t from = below(other->length), n = below(64);
            size_t to = random_bits() % 2 ? from : at;
            n = n < other->length - from ? n : other->length - from;
            if (to < length) {
                memcpy(data + to, other->data + from, n < length - to ? n : length - to);
            }
            break;
        }
        default: // a word from elsewhere in the file
            put_word(data, length, at, word_at(f->data, f->offset_count ? f->offsets[below(f->offset_count)] : 0));
            break;
    }
}

// What planning a large model takes; sometimes a little less, or nothing.
static sc_scratch_t scratch_for(const uint8_t *data, size_t length) {
    sc_scratch_t scratch = {NULL, sc_model_scratch(data, length)};
    if (scratch.size > 0 && random_bits() % 16 == 0) {
        scratch.size = random_bits() % 2 ? scratch.size - 1 : 0;
    }
    scratch.memory = scratch.size > 0 ? malloc(scratch.size) : NULL;
    return scratch;
}

// The list of operators must be there for every model that is accepted, and cost what the model costs.
static void list_operators(
    const uint8_t *data, size_t length, int accepted, uint64_t macs, const sc_scratch_t *scratch) {
    static sc_cost_entry_t entries[1024];
    sc_fault_t fault;
    size_t count = sc_cost_read(data, length, entries, 1024, scratch, &fault);
    if ((count == 0) != (fault.code != SC_OK) || (accepted && count == 0)) {
        fprintf(stderr, "model and operators disagree: %s\n", sc_error_name(fault.code));
        abort();
    }
    for (size_t i = 0; accepted && count <= 1024 && i < count; i++) {
        macs -= entries[i].macs;
    }
    if (accepted && count <= 1024 && macs != 0) {
        fprintf(stderr, "the operators do not cost what the model costs\n");
        abort();
    }
}

static void run_model(const uint8_t *data, size_t length, uint64_t *work, unsigned long *codes) {
    sc_fault_t fault;
    sc_scratch_t scratch = scratch_for(data, length);
    size_t size = sc_model_size(data, length, &scratch, &fault), found;
    codes[fault.code]++;
    sc_model_metadata(data, length, "soundsdk", &found, &fault);
    if (size == 0 || size > MAX_ARENA) {
        list_operators(data, length, 0, 0, &scratch);
        free(scratch.memory);
        return;
    }
    size_t given = random_bits() % 16 ? size : size - 1;
    void *memory = malloc(given);
    sc_model_t *m = sc_model_init(memory, given, data, length, &scratch, &fault);
    if ((m == NULL) != (given < size) || (m == NULL && fault.code != SC_E_MEMORY)) {
        fprintf(stderr, "size and init disagree: %s\n", sc_error_name(fault.code));
        abort();
    }
    if (m) {
        list_operators(data, length, 1, sc_model_macs(m), &scratch);
    }
    free(scratch.memory);
    if (m && sc_model_macs(m) <= *work) {
        *work -= sc_model_macs(m);
        sc_model_tensor_t t;
        for (size_t i = 0; i < sc_model_inputs(m); i++) {
            sc_model_input(m, i, &t);
            for (size_t j = 0; j < t.size; j++) {
                t.data[j] = (int8_t)random_bits();
            }
        }
        sc_model_invoke(m);
        for (size_t i = 0; i < sc_model_outputs(m); i++) {
            sc_model_output(m, i, &t);
            memset(t.data, 0x55, t.size);
        }
    }
    free(memory);
}

static void run_stream(const uint8_t *data, size_t length, uint64_t *work) {
    sc_fault_t fault;
    sc_scratch_t scratch = scratch_for(data, length);
    size_t size = sc_stream_size(data, length, &scratch, &fault);
    if (size == 0 || size > MAX_ARENA || *work < 4 * WORK_EACH) {
        free(scratch.memory);
        return;
    }
    *work -= 4 * WORK_EACH;
    void *memory = malloc(size);
    sc_stream_t *s = sc_stream_init(memory, size, data, length, &scratch, &fault);
    free(scratch.memory);
    if (s && sc_stream_step_samples(s) <= 1 << 14) {
        int16_t pcm[256];
        for (size_t i = 0; i < 256; i++) {
            pcm[i] = (int16_t)random_bits();
        }
        for (size_t left = sc_stream_step_samples(s); left > 0;) {
            left -= sc_stream_feed(s, pcm, left < 256 ? left : 256);
        }
    }
    free(memory);
}

static void one(unsigned long number, uint64_t seed, uint64_t *work, unsigned long *codes) {
    current = number;
    state = seed * 0x2545f4914f6cdd1dull + number;
    const file_t *f = &files[number % file_count];
    size_t length = random_bits() % 32 ? f->length : below(f->length + 1);
    size_t shift = random_bits() % 64 ? 0 : below(4); // rarely not aligned
    uint8_t *block = malloc(length + shift ? length + shift : 1);
    memcpy(block + shift, f->data, length);
    for (size_t n = random_bits() % 4 ? 1 : 2 + below(4); n > 0 && length > 4; n--) {
        mutate(f, block + shift, length);
    }
    run_model(block + shift, length, work, codes);
    run_stream(block + shift, length, work);
    free(block);
}

int main(int argc, char **argv) {
    unsigned long codes[SC_ERROR_COUNT] = {0};
    if (argc < 4 || argc - 3 > MAX_FILES) {
        fprintf(stderr, "usage: fuzz_model MUTATIONS|@NUMBER SEED FILE...\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        load(argv[i]);
    }
    seed_text = argv[2];
    uint64_t seed = strtoull(argv[2], NULL, 10), work = 0;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_set_death_callback(say_where);
#else
    (void)say_where;
#endif
    if (argv[1][0] == '@') {
        work = UINT64_MAX / 2;
        one(strtoul(argv[1] + 1, NULL, 10), seed, &work, codes);
        return 0;
    }
    unsigned long count = strtoul(argv[1], NULL, 10);
    for (unsigned long i = 0; i < count; i++) {
        work += WORK_EACH;
        one(i, seed, &work, codes);
    }
    printf("%lu mutations of %zu files, seed %s: %lu accepted\n", count, file_count, argv[2], codes[SC_OK]);
    for (int code = 1; code < SC_ERROR_COUNT; code++) {
        if (codes[code]) {
            printf("%8lu %s\n", codes[code], sc_error_name((sc_err_t)code));
        }
    }
    return codes[SC_OK] == 0; // a run in which nothing was accepted proves little
}
