// MicroPython as its other boards in QEMU have it, for the processor of an ESP32.
#include "ports/qemu/mpconfigport.h"

#define MICROPY_EMIT_XTENSAWIN (1)
#define MICROPY_NLR_SETJMP (1)
#define MICROPY_GCREGS_SETJMP (1)

// There is no pin, and no register to reset the machine with.
#undef MICROPY_PY_MACHINE
#undef MICROPY_PY_MACHINE_INCLUDEFILE
#undef MICROPY_PY_MACHINE_RESET
#undef MICROPY_PY_MACHINE_PIN_BASE
#define MICROPY_PY_MACHINE (0)

#define MICROPY_HW_BOARD_NAME "sim"
#define MICROPY_HW_MCU_NAME "dc233c"

// Native code goes to memory of its own, as on an ESP32, where the heap is not executable.
void *commit_native_code(void *code, unsigned size, void *relocation);
#define MP_PLAT_COMMIT_EXEC(code, size, relocation) commit_native_code(code, size, relocation)
