# ARMv6-M as in the RP2040 (Cortex-M0+), on QEMU's microbit machine with more memory than the real one: an unaligned
# load faults there as it does on the chip.
QEMU_ARCH = arm
QEMU_MACHINE = microbit
QEMU_ARGS += -global nrf51-soc.flash-size=1048576 -global nrf51-soc.sram-size=262144

CFLAGS += -mthumb -mcpu=cortex-m0plus -mfloat-abi=soft -DQEMU_SOC_NRF51
CFLAGS += -DMICROPY_HW_MCU_NAME='"cortex-m0plus"'
# As on the RP2040: it loads native modules, and compiles @micropython.native for ARMv6-M.
CFLAGS += -DMICROPY_EMIT_THUMB=1 -DMICROPY_EMIT_THUMB_ARMV7M=0 -DMICROPY_EMIT_INLINE_THUMB=1
CFLAGS += -DMICROPY_EMIT_INLINE_THUMB_FLOAT=0
MPY_CROSS_FLAGS += -march=armv6m
SRC_BOARD_O = shared/runtime/gchelper_native.o shared/runtime/gchelper_thumb1.o

LDSCRIPT = $(BOARD_DIR)/link.ld
MICROPY_HEAP_SIZE = 196608
