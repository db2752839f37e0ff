// A linked program: an ELF file's segments in the chip's memory, and its functions.
#ifndef SIMULATOR_PROGRAM_H
#define SIMULATOR_PROGRAM_H

#include <stddef.h>
#include "memory.h"

typedef struct {
    uint32_t at;
    uint32_t bytes;
    const char *name;
} function_t;

typedef struct {
    function_t *functions; // by address; two names of one address follow each other
    size_t count;
} program_t;

// Ends the process with exit code 2 if the file is no program for this chip.
program_t program_load(const char *path, memory_t *memory);
// The function that holds the address, NULL if none.
const function_t *program_function(const program_t *program, uint32_t address);
// The whole file; the caller frees it.
uint8_t *read_file(const char *path, size_t *bytes);

#endif
