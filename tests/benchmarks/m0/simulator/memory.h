// What the simulated chip's bus reaches: flash, RAM, and a device that takes the program's output and its end.
#ifndef SIMULATOR_MEMORY_H
#define SIMULATOR_MEMORY_H

#include <stdint.h>
#include <stdio.h>

#define FLASH_AT (0x10000000u)
#define FLASH_BYTES (16u << 20)
#define DATA_AT (0x10800000u) // the upper half of flash: what --data names
#define RAM_AT (0x20000000u)
#define RAM_BYTES (4u << 20)
#define DEVICE_AT (0x40000000u)

// Registers of the device. OUTPUT takes bytes, halfwords and words, as bytes in the order of memory; EXIT ends the run.
enum { DEVICE_OUTPUT = 0, DEVICE_EXIT = 4 };

typedef struct {
    uint8_t *flash;
    uint8_t *ram;
    FILE *output;
    int ended;
    int exit_code;
    uint32_t at;   // of the instruction that runs, for messages
} memory_t;

// Ends the process with exit code 3, and says which instruction did what is not allowed.
_Noreturn void memory_fault(const memory_t *m, const char *what, uint32_t value);

// size: 1, 2 or 4 bytes, to which the address must be aligned. Values are unsigned.
uint32_t memory_read(memory_t *m, uint32_t address, uint32_t size);
void memory_write(memory_t *m, uint32_t address, uint32_t size, uint32_t value);
// An instruction's halfword.
uint16_t memory_fetch(const memory_t *m, uint32_t address);

#endif
