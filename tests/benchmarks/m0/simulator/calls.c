#define _GNU_SOURCE
#include "calls.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint32_t halfword(uint32_t address) {
    return (address - RAM_AT < RAM_BYTES ? address - RAM_AT + FLASH_BYTES : address - FLASH_AT) / 2;
}

void calls_choose(calls_t *calls, const program_t *program, const char *patterns) {
    calls->program = program;
    calls->entries = calloc(1, (FLASH_BYTES + RAM_BYTES) / 2);
    char *list = strdup(patterns), *rest = list;
    for (char *pattern; (pattern = strsep(&rest, ","));) {
        int found = 0;
        for (size_t i = 0; i < program->count; i++) {
            if (fnmatch(pattern, program->functions[i].name, 0) == 0) {
                calls->entries[halfword(program->functions[i].at)] = 1;
                found = 1;
            }
        }
        if (!found) {
            fprintf(stderr, "the program has no function %s\n", pattern);
            exit(2);
        }
    }
    free(list);
}

void calls_look(calls_t *calls, const cpu_t *cpu) {
    // A function that another one ends with a jump to returns in its place: one return may end several calls.
    while (calls->depth) {
        const call_t *call = &calls->open[calls->depth - 1];
        if (cpu->next != call->back || cpu->r[SP] != call->stack) {
            break;
        }
        calls->depth--;
        printf("call %d %s %" PRIu64 " %" PRIu64 "\n", calls->depth, call->function->name, cpu->cycles - call->cycles,
               cpu->instructions - call->instructions);
    }
    if (calls->entries && calls->entries[halfword(cpu->next)]) {
        if (calls->depth == CALLS_DEEPEST) {
            memory_fault(cpu->memory, "calls too deep at", cpu->next);
        }
        calls->open[calls->depth++] = (call_t){
            program_function(calls->program, cpu->next), cpu->r[LR] & ~1u, cpu->r[SP], cpu->cycles, cpu->instructions,
        };
    }
}
