// The start of every program: initialised data from flash, zeros, main.
#include "device.h"

#define DATA (0x10800000u)
#define OUTPUT (*(volatile uint8_t *)0x40000000u)
#define EXIT (*(volatile uint32_t *)0x40000004u)

extern uint32_t data_begin[], data_end[], data_source[], bss_begin[], bss_end[], stack_end[];
void start(void);

__attribute__((section(".vectors"), used)) static void *const vectors[] = {stack_end, (void *)start};

void start(void) {
    const uint32_t *from = data_source;
    for (uint32_t *to = data_begin; to < data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = bss_begin; to < bss_end;) {
        *to++ = 0;
    }
    EXIT = (uint32_t)main();
    for (;;) {
    }
}

part_t device_part(uint32_t i) {
    const uint32_t *parts = (const uint32_t *)DATA;
    if (i >= parts[0]) {
        return (part_t){NULL, 0};
    }
    return (part_t){(const uint8_t *)DATA + parts[1 + 2 * i], parts[2 + 2 * i]};
}

void device_write(const void *data, size_t bytes) {
    for (const uint8_t *at = data, *end = at + bytes; at < end; at++) {
        OUTPUT = *at;
    }
}
