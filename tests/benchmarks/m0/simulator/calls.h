// Counts what calls of chosen functions cost, from outside: the program is as it would be on a board.
#ifndef SIMULATOR_CALLS_H
#define SIMULATOR_CALLS_H

#include "cpu.h"
#include "program.h"

#define CALLS_DEEPEST (64)

typedef struct {
    const function_t *function;
    uint32_t back;  // where it returns to
    uint32_t stack; // the stack pointer on entry
    uint64_t cycles;
    uint64_t instructions;
} call_t;

typedef struct {
    uint8_t *entries; // by halfword of flash and RAM: 1 where a chosen function begins
    const program_t *program;
    call_t open[CALLS_DEEPEST];
    int depth;
} calls_t;

// patterns: shell patterns of names, with commas between them; one that fits no function ends the process with code 2.
void calls_choose(calls_t *calls, const program_t *program, const char *patterns);
// Before each instruction. When a function has returned, prints "call DEPTH NAME CYCLES INSTRUCTIONS": from its first
// instruction to its last, all that it calls included.
void calls_look(calls_t *calls, const cpu_t *cpu);

#endif
