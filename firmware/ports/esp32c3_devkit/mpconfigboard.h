#define MICROPY_HW_BOARD_NAME "ESP32-C3-DevKit with soundsdk"
#define MICROPY_HW_MCU_NAME "ESP32C3"
// The REPL is on the chip's own USB and on the UART bridge.
#define MICROPY_HW_ENABLE_UART_REPL (1)
#include "../esp32.h"
