# The radio is not used, so the board's own SDK file with its driver is not either.
set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")
include(${CMAKE_CURRENT_LIST_DIR}/../rp2.cmake)
