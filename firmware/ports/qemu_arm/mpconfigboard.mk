# ARMv6-M as in the RP2040 (Cortex-M0+), on QEMU's microbit machine with more memory than the real one: an unaligned
# load faults there as it does on the chip.
QEMU_ARCH = arm
QEMU_MACHINE = microbit
QEMU_ARGS += -global nrf51-soc.flash-size=1048576 -global nrf51-soc.sram-size=262144

CFLAGS += -mthumb -mcpu=cortex-m0plus -mfloat-abi=soft -DQEMU_SOC_NRF51
CFLAGS += -DMICROPY_HW_MCU_NAME='"cortex-m0plus"'
MPY_CROSS_FLAGS += -march=armv6m
SRC_BOARD_O = shared/runtime/gchelper_native.o shared/runtime/gchelper_thumb1.o

LDSCRIPT = $(BOARD_DIR)/link.ld
MICROPY_HEAP_SIZE = 196608
