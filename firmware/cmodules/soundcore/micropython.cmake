# soundcore in MicroPython's CMake ports (rp2, esp32).
file(GLOB SOUNDCORE_C CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c)
list(FILTER SOUNDCORE_C EXCLUDE REGEX "modsoundcore\\.c$")
# No contraction: multipliers computed at init must not depend on whether the target has fused multiply-add.
set_source_files_properties(${SOUNDCORE_C} PROPERTIES COMPILE_OPTIONS "-O2;-ffp-contract=off")

# RP2: the functions of hot.h go into RAM.
if(PICO_BOARD)
    set_source_files_properties(${SOUNDCORE_C} PROPERTIES
        COMPILE_DEFINITIONS "SND_HOT=__attribute__((section(\".time_critical.soundcore\")))")
endif()

add_library(usermod_soundcore INTERFACE)
target_sources(usermod_soundcore INTERFACE ${SOUNDCORE_C} ${CMAKE_CURRENT_LIST_DIR}/modsoundcore.c)
target_include_directories(usermod_soundcore INTERFACE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(usermod INTERFACE usermod_soundcore)
