// The memory of MicroPython on a plain ESP32, for a chip in QEMU: included before every file of the port.
//
// The heap is in areas: the first is the port's own, two more are added when MicroPython starts. Code of native
// modules goes to memory outside both, as esp32's MP_PLAT_COMMIT_EXEC does. There it lies in the heap while it is read;
// here it does not, for this chip's code is another: small_board.py takes what the ESP32's would.

#ifndef AREAS_H
#define AREAS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SHARED __attribute__((weak)) // one of it, though every file defines it

void gc_add(void *start, void *end);
void mp_native_relocate(void *reloc, uint8_t *text, uintptr_t reloc_text);

SHARED uint32_t second_area[SECOND_AREA_BYTES / 4];
SHARED uint32_t third_area[THIRD_AREA_BYTES / 4];
SHARED uint32_t code_area[65536 / 4];
SHARED size_t code_bytes;

SHARED void *place_of_code(size_t size) {
    uint8_t *place = (uint8_t *)code_area + code_bytes;
    code_bytes += (size + 3) & ~(size_t)3;
    if (code_bytes > sizeof(code_area)) {
        __builtin_trap();
    }
    return place;
}

SHARED void *commit_code(void *code, size_t size, void *reloc) {
    (void)size;
    if (reloc) {
        mp_native_relocate(reloc, code, (uintptr_t)code);
    }
    return code;
}

#define MP_PLAT_ALLOC_EXEC(least, place, size) (*(place) = place_of_code(least), *(size) = (least))
#define MP_PLAT_FREE_EXEC(place, size)
#define MP_PLAT_COMMIT_EXEC(code, size, reloc) commit_code(code, size, reloc)
#define MICROPY_PORT_INIT_FUNC \
    do { \
        code_bytes = 0; \
        gc_add(second_area, (char *)second_area + sizeof(second_area)); \
        gc_add(third_area, (char *)third_area + sizeof(third_area)); \
    } while (0)

#endif
