# All modules of the image: the value of USER_C_MODULES in MicroPython's CMake ports.
include(${CMAKE_CURRENT_LIST_DIR}/soundcore/micropython.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/soundmodel/micropython.cmake)
