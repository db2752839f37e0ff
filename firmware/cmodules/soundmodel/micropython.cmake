# The region for the detector. SOUNDMODEL_DIR holds soundmodel_data.{c,h}; without it the image has no region.
# SOUNDMODEL_LINKER_SCRIPT puts it at the image's end, on ports where that is possible.
if(SOUNDMODEL_DIR)
    add_library(usermod_soundmodel INTERFACE)
    target_sources(usermod_soundmodel INTERFACE
        ${CMAKE_CURRENT_LIST_DIR}/modsoundmodel.c ${SOUNDMODEL_DIR}/soundmodel_data.c)
    target_include_directories(usermod_soundmodel INTERFACE ${SOUNDMODEL_DIR})
    if(SOUNDMODEL_LINKER_SCRIPT)
        target_link_options(usermod_soundmodel INTERFACE "LINKER:-T,${SOUNDMODEL_LINKER_SCRIPT}")
    endif()
    target_link_libraries(usermod INTERFACE usermod_soundmodel)
endif()
