// There is no clock, and no interrupt from the console: MicroPython's core asks for little else than its bytes.
#include <stddef.h>

#include "shared/runtime/interrupt_char.h"

static inline mp_uint_t mp_hal_ticks_ms(void) {
    return 0;
}
