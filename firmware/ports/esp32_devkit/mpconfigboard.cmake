set(IDF_TARGET esp32)
set(SDKCONFIG_DEFAULTS boards/sdkconfig.base boards/sdkconfig.240mhz)
include(${CMAKE_CURRENT_LIST_DIR}/../esp32.cmake)
