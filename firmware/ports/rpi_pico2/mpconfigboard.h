#define MICROPY_HW_BOARD_NAME "Raspberry Pi Pico 2 with soundsdk"
// Of 4 MB: 1 MB for the image, the rest for files.
#define MICROPY_HW_FLASH_STORAGE_BYTES (3072 * 1024)
#include "../rp2.h"
