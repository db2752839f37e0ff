# What the ESP32 boards have in common. Paths below boards/ are those of MicroPython's port.
set(MICROPY_PY_BTREE OFF)
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${MICROPY_BOARD_DIR}/partitions.csv\"\n")
list(APPEND SDKCONFIG_DEFAULTS ${CMAKE_CURRENT_LIST_DIR}/esp32.sdkconfig ${CMAKE_BINARY_DIR}/sdkconfig.partitions)
