#define MICROPY_HW_BOARD_NAME "Raspberry Pi Pico with soundsdk"
// Of 2 MB: 640 KB for the image, the rest for files.
#define MICROPY_HW_FLASH_STORAGE_BYTES (1408 * 1024)
#include "../rp2.h"
