# TensorFlow Lite Micro for model_tflm.cc: from TFLM_DIR, sets TFLM_SOURCES and TFLM_INCLUDES. TFLM_DIR is a checkout of
# tflite-micro after `make -f tensorflow/lite/micro/tools/make/Makefile third_party_downloads`, or what its
# create_tflm_tree.py writes. Reference kernels, and of them only those of the operators in nn/ops.h. With
# TFLM_LIBRARY (its built library, made from the same tree) nothing of it is compiled.
if(NOT TFLM_DIR)
    set(TFLM_DIR $ENV{TFLM_DIR})
endif()
if(NOT EXISTS ${TFLM_DIR}/tensorflow/lite/micro/micro_interpreter.h)
    message(FATAL_ERROR "SOUNDCORE_ENGINE=tflm needs TFLM_DIR, a source tree of TensorFlow Lite Micro; "
        "'${TFLM_DIR}' has no tensorflow/lite/micro/micro_interpreter.h")
endif()

set(TFLM_INCLUDES ${TFLM_DIR})
foreach(place third_party third_party_static tensorflow/lite/micro/tools/make/downloads)
    foreach(library flatbuffers/include gemmlowp ruy)
        if(IS_DIRECTORY ${TFLM_DIR}/${place}/${library})
            list(APPEND TFLM_INCLUDES ${TFLM_DIR}/${place}/${library})
        endif()
    endforeach()
endforeach()

set(TFLM_SOURCES)
if(NOT TFLM_LIBRARY)
    if(NOT TFLM_INCLUDES MATCHES "flatbuffers")
        message(FATAL_ERROR "${TFLM_DIR} lacks flatbuffers, gemmlowp and ruy: make third_party_downloads there, or use "
            "the tree that its create_tflm_tree.py writes")
    endif()
    # Folders that a version does not have match nothing.
    set(patterns)
    foreach(folder
            c core/c core/api kernels kernels/internal kernels/internal/reference schema
            micro micro/arena_allocator micro/c micro/compression micro/kernels/internal
            micro/kernels/internal/reference micro/memory_planner micro/schema micro/tflite_bridge)
        list(APPEND patterns ${TFLM_DIR}/tensorflow/lite/${folder}/*.cc ${TFLM_DIR}/tensorflow/lite/${folder}/*.cpp)
    endforeach()
    # Its table ends each row with the file's name.
    file(READ ${CMAKE_CURRENT_LIST_DIR}/nn/ops.h table)
    string(REGEX MATCHALL "[A-Z][A-Za-z0-9]*, [a-z_0-9]+\\)" kernels "${table}")
    list(TRANSFORM kernels REPLACE "[A-Z][A-Za-z0-9]*, ([a-z_0-9]+)\\)" "\\1")
    list(REMOVE_DUPLICATES kernels)
    foreach(kernel kernel_util ${kernels})
        foreach(ending .cc .cpp _common.cc _common.cpp)
            list(APPEND patterns ${TFLM_DIR}/tensorflow/lite/micro/kernels/${kernel}${ending})
        endforeach()
    endforeach()
    file(GLOB TFLM_SOURCES CONFIGURE_DEPENDS ${patterns})
    # Its own tests, and what only they use.
    list(FILTER TFLM_SOURCES EXCLUDE REGEX "_test\\.(cc|cpp)$|/test_[a-z_]*\\.(cc|cpp)$|fake_micro_context|mock_")
endif()
