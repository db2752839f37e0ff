#define MICROPY_HW_BOARD_NAME "ESP32-DevKitC with soundsdk"
#define MICROPY_HW_MCU_NAME "ESP32"
#include "../esp32.h"
