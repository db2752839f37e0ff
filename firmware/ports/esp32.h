// What the ESP32 boards have in common: no Bluetooth, ESP-NOW or Ethernet.
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)
#define MICROPY_PY_NETWORK_LAN (0)
