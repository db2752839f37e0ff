// A stand-in for the RP2040's boot ROM, for emulators only, written from the datasheet (section 2.8) and the SDK's
// public headers. It contains nothing of the mask ROM.
#include <stddef.h>
#include <stdint.h>

#define FLASH 0x10000000u
#define BOOT2 0x20041f00u
#define BOOT2_BYTES 256

void rom_trap(void);

// The second stage is the first 256 bytes of flash, the last four their CRC-32 (MSB first, no final inversion).
void rom_load_boot2(void) {
    const volatile uint32_t *from = (const volatile uint32_t *)FLASH;
    volatile uint32_t *to = (volatile uint32_t *)BOOT2;
    for (int i = 0; i < BOOT2_BYTES / 4; i++) {
        to[i] = from[i];
    }
    uint32_t crc = 0xffffffffu;
    const volatile uint8_t *bytes = (const volatile uint8_t *)to;
    for (int i = 0; i < BOOT2_BYTES - 4; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 0x80000000u ? (crc << 1) ^ 0x04c11db7u : crc << 1;
        }
    }
    if (crc != to[BOOT2_BYTES / 4 - 1]) {
        rom_trap();
    }
}

// Tables are pairs of halfwords (code, address), ended by a code of 0.
uint32_t rom_lookup(const uint16_t *table, uint32_t code) {
    for (; table[0]; table += 2) {
        if (table[0] == code) {
            return table[1];
        }
    }
    return 0;
}

uint32_t rom_popcount32(uint32_t x) {
    uint32_t n = 0;
    for (; x; x &= x - 1) {
        n++;
    }
    return n;
}

uint32_t rom_reverse32(uint32_t x) {
    uint32_t r = 0;
    for (int i = 0; i < 32; i++) {
        r = (r << 1) | ((x >> i) & 1);
    }
    return r;
}

uint32_t rom_clz32(uint32_t x) {
    uint32_t n = 0;
    while (n < 32 && !(x & (0x80000000u >> n))) {
        n++;
    }
    return n;
}

uint32_t rom_ctz32(uint32_t x) {
    uint32_t n = 0;
    while (n < 32 && !(x & (1u << n))) {
        n++;
    }
    return n;
}

// volatile keeps the compiler from turning these loops into calls of memset and memcpy.
// As in memset(), only the low byte of value counts.
uint8_t *rom_memset(uint8_t *to, uint32_t value, uint32_t size) {
    volatile uint8_t *p = to;
    value &= 0xff;
    for (; size && ((uintptr_t)p & 3); size--) {
        *p++ = (uint8_t)value;
    }
    for (; size >= 4; size -= 4, p += 4) {
        *(volatile uint32_t *)p = value * 0x01010101u;
    }
    while (size--) {
        *p++ = (uint8_t)value;
    }
    return to;
}

uint8_t *rom_memcpy(uint8_t *to, const uint8_t *from, uint32_t size) {
    volatile uint8_t *p = to;
    if ((((uintptr_t)to ^ (uintptr_t)from) & 3) == 0) {
        for (; size && ((uintptr_t)p & 3); size--) {
            *p++ = *from++;
        }
        for (; size >= 4; size -= 4, p += 4, from += 4) {
            *(volatile uint32_t *)p = *(const uint32_t *)from;
        }
    }
    while (size--) {
        *p++ = *from++;
    }
    return to;
}

uint32_t *rom_memset4(uint32_t *to, uint32_t value, uint32_t size) {
    return (uint32_t *)rom_memset((uint8_t *)to, value, size);
}

uint32_t *rom_memcpy44(uint32_t *to, const uint32_t *from, uint32_t size) {
    return (uint32_t *)rom_memcpy((uint8_t *)to, (const uint8_t *)from, size);
}

void rom_nothing(void) {
}

// In the emulator stores to the flash window change the flash; these functions keep to what NOR flash can do.
void rom_flash_erase(uint32_t address, size_t size, uint32_t block_size, uint8_t block_command) {
    (void)block_size;
    (void)block_command;
    volatile uint32_t *p = (volatile uint32_t *)(FLASH + address);
    for (size_t i = 0; i < size / 4; i++) {
        p[i] = 0xffffffffu;
    }
}

// Programming clears bits and never sets them.
void rom_flash_program(uint32_t address, const uint8_t *data, size_t size) {
    volatile uint32_t *p = (volatile uint32_t *)(FLASH + address);
    for (size_t i = 0; i < size / 4; i++, data += 4) {
        p[i] &= data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
    }
}

// This ROM has no USB boot loader: the emulator halts here.
void rom_usb_boot(uint32_t activity_pins, uint32_t disabled_interfaces) {
    (void)activity_pins;
    (void)disabled_interfaces;
    for (;;) {
        __asm volatile("bkpt #1");
    }
}
