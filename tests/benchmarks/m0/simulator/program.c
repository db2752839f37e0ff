#include "program.h"

#include <stdlib.h>
#include <string.h>

// What is read of the format ("Tool Interface Standard (TIS) Executable and Linking Format", 1.2).
enum { ARM = 40, LOADED = 1, SYMBOLS = 2, FUNCTION = 2 };

typedef struct {
    uint8_t magic[16];
    uint16_t type, machine;
    uint32_t version, entry, segments_at, sections_at, flags;
    uint16_t bytes, segment_bytes, segments, section_bytes, sections, names;
} head_t;

typedef struct {
    uint32_t type, at, address, load_address, bytes, memory_bytes, flags, align;
} segment_t;

typedef struct {
    uint32_t name, type, flags, address, at, bytes, link, info, align, entry_bytes;
} section_t;

typedef struct {
    uint32_t name, value, bytes;
    uint8_t info, other;
    uint16_t section;
} symbol_t;

static _Noreturn void refuse(const char *path, const char *why) {
    fprintf(stderr, "%s: %s\n", path, why);
    exit(2);
}

uint8_t *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        refuse(path, "cannot be read");
    }
    long size = ftell(file);
    rewind(file);
    uint8_t *data = malloc((size_t)size + 1);
    if (size < 0 || !data || fread(data, 1, (size_t)size, file) != (size_t)size) {
        refuse(path, "cannot be read");
    }
    fclose(file);
    *bytes = (size_t)size;
    return data;
}

// A table of the file; the compiler's own tools wrote it, so that damage need only be noticed.
static const void *table(const char *path, const uint8_t *file, size_t bytes, uint32_t at, size_t length) {
    if (at > bytes || length > bytes - at || at % 4) {
        refuse(path, "is damaged");
    }
    return file + at;
}

static void load_segments(const char *path, const uint8_t *file, size_t bytes, memory_t *memory) {
    const head_t *head = (const void *)file;
    const segment_t *segment = table(path, file, bytes, head->segments_at, head->segments * sizeof(*segment));
    for (const segment_t *end = segment + head->segments; segment < end; segment++) {
        if (segment->type != LOADED || segment->bytes == 0) {
            continue;
        }
        uint32_t at = segment->load_address - FLASH_AT; // in flash; start.c copies into RAM what belongs there
        if (at > DATA_AT - FLASH_AT || segment->bytes > DATA_AT - FLASH_AT - at) {
            refuse(path, "a segment does not fit into flash");
        }
        memcpy(memory->flash + at, table(path, file, bytes, segment->at, segment->bytes), segment->bytes);
    }
}

static int by_address(const void *a, const void *b) {
    uint32_t x = ((const function_t *)a)->at, y = ((const function_t *)b)->at;
    return (x > y) - (x < y);
}

static void read_functions(const char *path, const uint8_t *file, size_t bytes, program_t *program) {
    const head_t *head = (const void *)file;
    const section_t *sections = table(path, file, bytes, head->sections_at, head->sections * sizeof(*sections));
    const section_t *section = sections, *end = sections + head->sections;
    while (section < end && section->type != SYMBOLS) {
        section++;
    }
    if (section == end || section->link >= head->sections) {
        refuse(path, "has no symbols");
    }
    const symbol_t *symbol = table(path, file, bytes, section->at, section->bytes);
    const section_t *texts = &sections[section->link];
    const char *names = (const char *)file + texts->at;
    size_t count = section->bytes / sizeof(*symbol);
    program->functions = calloc(count, sizeof(function_t));
    for (; count; count--, symbol++) {
        if ((symbol->info & 15) == FUNCTION && symbol->bytes && symbol->name < texts->bytes) {
            program->functions[program->count++] =
                (function_t){symbol->value & ~1u, symbol->bytes, names + symbol->name};
        }
    }
    qsort(program->functions, program->count, sizeof(function_t), by_address);
}

program_t program_load(const char *path, memory_t *memory) {
    size_t bytes;
    uint8_t *file = read_file(path, &bytes); // kept: the names lie in it
    const head_t *head = (const void *)file;
    if (bytes < sizeof(*head) || memcmp(head->magic, "\177ELF\1", 5) != 0 || head->machine != ARM) {
        refuse(path, "is no ELF file for ARM");
    }
    program_t program = {0};
    load_segments(path, file, bytes, memory);
    read_functions(path, file, bytes, &program);
    return program;
}

const function_t *program_function(const program_t *program, uint32_t address) {
    size_t low = 0, high = program->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (program->functions[middle].at <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const function_t *f = low ? &program->functions[low - 1] : NULL;
    return f && address - f->at < f->bytes ? f : NULL;
}
