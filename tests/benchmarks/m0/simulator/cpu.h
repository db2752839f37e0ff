// The ARMv6-M instructions, each with the cycles that it takes on a Cortex-M0+.
//
// Cycles: "Cortex-M0+ Technical Reference Manual" (ARM DDI 0484C), table 3-1, with the single-cycle multiplier and
// memory that never waits. No interrupts, so none of what serves them.
#ifndef SIMULATOR_CPU_H
#define SIMULATOR_CPU_H

#include "memory.h"

enum { SP = 13, LR = 14, PC = 15 };

typedef struct {
    uint32_t r[16];   // r[PC]: the address of the instruction that runs, and 4
    uint32_t next;    // address of the next instruction
    uint32_t n, z, c, v; // flags, 0 or 1
    uint64_t cycles;
    uint64_t instructions;
    memory_t *memory;
} cpu_t;

// Begins with the stack pointer and the address that the first two words of flash hold.
void cpu_reset(cpu_t *cpu);
// Runs the instruction at `next`.
void cpu_step(cpu_t *cpu);

#endif
