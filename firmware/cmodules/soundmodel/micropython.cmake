# The detector in the image. SOUNDMODEL_DIR holds soundmodel_data.{c,h}; without it the image has no detector.
if(SOUNDMODEL_DIR)
    add_library(usermod_soundmodel INTERFACE)
    target_sources(usermod_soundmodel INTERFACE
        ${CMAKE_CURRENT_LIST_DIR}/modsoundmodel.c ${SOUNDMODEL_DIR}/soundmodel_data.c)
    target_include_directories(usermod_soundmodel INTERFACE ${SOUNDMODEL_DIR})
    target_link_libraries(usermod INTERFACE usermod_soundmodel)
endif()
