#define MICROPY_HW_BOARD_NAME "ESP32-S3-DevKitC-1 with soundsdk"
#define MICROPY_HW_MCU_NAME "ESP32S3"
// The REPL is on both sockets of the board: the chip's own USB and the UART bridge.
#define MICROPY_HW_ENABLE_UART_REPL (1)
#include "../esp32.h"
