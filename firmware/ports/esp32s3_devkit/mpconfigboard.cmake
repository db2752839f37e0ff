set(IDF_TARGET esp32s3)
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.usb
    boards/sdkconfig.spiram_sx
    boards/sdkconfig.240mhz
    boards/ESP32_GENERIC_S3/sdkconfig.board
)
include(${CMAKE_CURRENT_LIST_DIR}/../esp32.cmake)
