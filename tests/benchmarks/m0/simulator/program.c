#include "program.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

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

static void load_segments(const char *path, const uint8_t *file, size_t bytes, memory_t *memory) {
    const Elf32_Ehdr *head = (const void *)file;
    const Elf32_Phdr *segment = (const void *)(file + head->e_phoff);
    for (int i = 0; i < head->e_phnum; i++, segment++) {
        if (segment->p_type != PT_LOAD || segment->p_filesz == 0) {
            continue;
        }
        uint32_t at = segment->p_paddr - FLASH_AT; // where it lies in flash; start.c copies what belongs into RAM
        if (at > DATA_AT - FLASH_AT || segment->p_filesz > DATA_AT - FLASH_AT - at
            || segment->p_offset + (size_t)segment->p_filesz > bytes) {
            refuse(path, "a segment does not fit");
        }
        memcpy(memory->flash + at, file + segment->p_offset, segment->p_filesz);
    }
}

static int by_address(const void *a, const void *b) {
    uint32_t x = ((const function_t *)a)->at, y = ((const function_t *)b)->at;
    return (x > y) - (x < y);
}

static void read_functions(const char *path, const uint8_t *file, program_t *program) {
    const Elf32_Ehdr *head = (const void *)file;
    const Elf32_Shdr *sections = (const void *)(file + head->e_shoff);
    for (int i = 0; i < head->e_shnum; i++) {
        if (sections[i].sh_type != SHT_SYMTAB) {
            continue;
        }
        const Elf32_Sym *symbol = (const void *)(file + sections[i].sh_offset);
        const char *names = (const char *)file + sections[sections[i].sh_link].sh_offset;
        size_t count = sections[i].sh_size / sizeof(*symbol);
        program->functions = calloc(count, sizeof(function_t));
        for (; count; count--, symbol++) {
            if (ELF32_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_size) {
                program->functions[program->count++] =
                    (function_t){symbol->st_value & ~1u, symbol->st_size, names + symbol->st_name};
            }
        }
        qsort(program->functions, program->count, sizeof(function_t), by_address);
        return;
    }
    refuse(path, "has no symbols");
}

program_t program_load(const char *path, memory_t *memory) {
    size_t bytes;
    uint8_t *file = read_file(path, &bytes); // kept: the names lie in it
    const Elf32_Ehdr *head = (const void *)file;
    if (bytes < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_machine != EM_ARM) {
        refuse(path, "is no ELF file for ARM");
    }
    program_t program = {.entry = head->e_entry};
    load_segments(path, file, bytes, memory);
    read_functions(path, file, &program);
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
