// MicroPython's REPL on the console of QEMU's machine `sim`, by calls of the simulator (start.S).
#include <string.h>

#include "py/builtin.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/persistentcode.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"

// As large as the M3's in tests/stock_micropython.py.
#define HEAP_BYTES (524288)
#define STACK_BYTES (65536)

// The simulator's calls and their numbers (target/xtensa/xtensa-semi.c in QEMU). Files are those of QEMU's process.
enum { EXIT = 1, READ = 3, WRITE = 4, SELECT_ONE = 29 };
enum { TO_READ = 1, TO_WRITE = 2 };
int simulator_call(int what, int a, int b, int c);

extern uint8_t EXEC_MEMORY[], FILES[]; // memory.ld

static uint32_t heap[HEAP_BYTES / 4];
static uint8_t *free_exec_memory = EXEC_MEMORY;

__attribute__((noreturn)) static void end(int code) {
    for (;;) {
        simulator_call(EXIT, code, 0, 0);
    }
}

int mp_hal_stdin_rx_chr(void) {
    uint8_t byte;
    int count;
    do {
        simulator_call(SELECT_ONE, 0, TO_READ, 0);
        count = simulator_call(READ, 0, (int)&byte, 1);
    } while (count < 0); // not blocking
    if (count == 0) {
        end(0); // whoever wrote has closed it
    }
    return byte;
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t size) {
    for (size_t sent = 0; sent < size;) {
        simulator_call(SELECT_ONE, 1, TO_WRITE, 0);
        int count = simulator_call(WRITE, 1, (int)(text + sent), (int)(size - sent));
        if (count <= 0) {
            end(0); // whoever read has closed it
        }
        sent += (size_t)count;
    }
    return size;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    return flags;
}

// py/persistentcode.c gives a module's code, with its addresses still to be filled in.
void *commit_native_code(void *code, unsigned size, void *relocation) {
    uint8_t *place = free_exec_memory;
    size = (size + 3) & ~3u;
    if (size > (size_t)(FILES - place)) {
        m_malloc_fail(size);
    }
    free_exec_memory += size;
    if (relocation != NULL) {
        mp_native_relocate(relocation, code, (uintptr_t)place);
    }
    return memcpy(place, code, size);
}

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack(); // its setjmp puts all windows of registers on the stack
    gc_collect_end();
}

void nlr_jump_fail(void *value) {
    mp_hal_stdout_tx_str("uncaught NLR\n");
    end(1);
}

// sim.cycles(): the processor's counter, 10 MHz of the machine's time, as a small int. For tests/benchmarks.
static mp_obj_t cycles(void) {
    uint32_t count;
    __asm__ volatile("rsr %0, ccount" : "=a"(count));
    return MP_OBJ_NEW_SMALL_INT(count & 0x3fffffff);
}
static MP_DEFINE_CONST_FUN_OBJ_0(cycles_obj, cycles);

static const mp_rom_map_elem_t sim_names[] = {{MP_ROM_QSTR(MP_QSTR_cycles), MP_ROM_PTR(&cycles_obj)}};
static MP_DEFINE_CONST_DICT(sim_dict, sim_names);
const mp_obj_module_t sim_module = {.base = {&mp_type_module}, .globals = (mp_obj_dict_t *)&sim_dict};
MP_REGISTER_MODULE(MP_QSTR_sim, sim_module);

// start.S: an instruction that this processor cannot execute, or an address that it does not have.
void report_exception(unsigned cause, unsigned at, unsigned address) {
    mp_printf(&mp_plat_print, "processor exception %u at %08x, address %08x\n", cause, at, address);
    end(2);
}

int main(void) {
    mp_stack_ctrl_init();
    mp_stack_set_limit(STACK_BYTES);
    for (;;) {
        gc_init(heap, (char *)heap + sizeof(heap));
        mp_init();
        while ((pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl()) == 0) {
        }
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
        mp_deinit();
    }
}
