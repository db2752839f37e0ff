# soundcore in MicroPython's CMake ports (rp2, esp32).
file(GLOB SOUNDCORE_C CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c ${CMAKE_CURRENT_LIST_DIR}/*/*.c)
list(FILTER SOUNDCORE_C EXCLUDE REGEX "modsoundcore\\.c$")
add_library(usermod_soundcore INTERFACE)

if("$ENV{SOUNDCORE_ENGINE}" STREQUAL "tflm")
    include(${CMAKE_CURRENT_LIST_DIR}/tflm.cmake)
    list(FILTER SOUNDCORE_C EXCLUDE REGEX "/nn/model\\.c$")
    # A library of its own: MicroPython need not look for names of its own in it.
    add_library(soundcore_tflm STATIC ${CMAKE_CURRENT_LIST_DIR}/nn/model_tflm.cc ${TFLM_SOURCES})
    target_include_directories(soundcore_tflm PRIVATE ${CMAKE_CURRENT_LIST_DIR} ${TFLM_INCLUDES})
    target_compile_definitions(soundcore_tflm PRIVATE ${TFLM_DEFINITIONS})
    target_compile_options(soundcore_tflm PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${TFLM_FLAGS}>"
        "$<$<COMPILE_LANGUAGE:C>:${TFLM_C_FLAGS}>")
    set_target_properties(soundcore_tflm PROPERTIES CXX_STANDARD 17)
    target_link_libraries(usermod_soundcore INTERFACE soundcore_tflm)
endif()

# No contraction: multipliers computed at init must not depend on whether the target has fused multiply-add.
set_source_files_properties(${SOUNDCORE_C} PROPERTIES COMPILE_OPTIONS "-O2;-ffp-contract=off")

# RP2: the functions of hot.h go into RAM.
if(PICO_BOARD)
    set_source_files_properties(${SOUNDCORE_C} PROPERTIES
        COMPILE_DEFINITIONS "SC_HOT=__attribute__((section(\".time_critical.soundcore\")))")
endif()

target_sources(usermod_soundcore INTERFACE ${SOUNDCORE_C} ${CMAKE_CURRENT_LIST_DIR}/modsoundcore.c)
target_include_directories(usermod_soundcore INTERFACE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(usermod INTERFACE usermod_soundcore)
