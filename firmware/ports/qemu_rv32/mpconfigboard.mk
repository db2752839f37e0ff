# RV32IMC, the instruction set of the ESP32-C3, on QEMU's virt machine.
QEMU_ARCH = riscv32
QEMU_MACHINE = virt

# By its older name: GCC 12 as Debian 12 has it knows no library for names with _zicsr. In ISA specification 2.2 the
# CSR instructions are part of I.
RV32_ARCH = rv32imac
AFLAGS += -misa-spec=2.2

CFLAGS += -DQEMU_SOC_VIRT -DMICROPY_HW_MCU_NAME='"$(RV32_ARCH)"'
MPY_CROSS_FLAGS += -march=rv32imc
SRC_BOARD_O += shared/runtime/gchelper_native.o shared/runtime/gchelper_rv32i.o

LDSCRIPT = mcu/rv32/virt.ld
MICROPY_HEAP_SIZE = 262144
