#include "memory.h"

#include <stdlib.h>
#include <string.h>

void memory_fault(const memory_t *m, const char *what, uint32_t value) {
    fprintf(stderr, "fault at %08x: %s %08x\n", m->at, what, value);
    exit(3);
}

static uint8_t *place(const memory_t *m, uint32_t address) {
    if (address - RAM_AT < RAM_BYTES) {
        return m->ram + (address - RAM_AT);
    }
    if (address - FLASH_AT < FLASH_BYTES) {
        return m->flash + (address - FLASH_AT);
    }
    return NULL;
}

static void check_aligned(const memory_t *m, uint32_t address, uint32_t size) {
    if (address & (size - 1)) {
        memory_fault(m, "unaligned address", address);
    }
}

uint32_t memory_read(memory_t *m, uint32_t address, uint32_t size) {
    check_aligned(m, address, size);
    const uint8_t *from = place(m, address);
    if (!from) {
        memory_fault(m, "read from", address);
    }
    uint32_t value = 0;
    memcpy(&value, from, size); // both are little-endian
    return value;
}

void memory_write(memory_t *m, uint32_t address, uint32_t size, uint32_t value) {
    check_aligned(m, address, size);
    if (address - RAM_AT < RAM_BYTES) {
        memcpy(m->ram + (address - RAM_AT), &value, size);
    } else if (address == DEVICE_AT + DEVICE_OUTPUT) {
        fwrite(&value, 1, size, m->output);
    } else if (address == DEVICE_AT + DEVICE_EXIT) {
        m->ended = 1;
        m->exit_code = (int)value;
    } else {
        memory_fault(m, "write to", address);
    }
}

uint16_t memory_fetch(const memory_t *m, uint32_t address) {
    const uint8_t *from = place(m, address);
    if (!from) {
        memory_fault(m, "execution from", address);
    }
    uint16_t halfword;
    memcpy(&halfword, from, 2);
    return halfword;
}
