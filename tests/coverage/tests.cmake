# SPDX-License-Identifier: GPL-2.0-or-later
#
# Coverage maps; included by tests/CMakeLists.txt behind sanitize.cmake.

find_program(COVERAGE_QEMU_X86_64 qemu-x86_64)
find_program(COVERAGE_QEMU_AARCH64 qemu-aarch64)
set(coverage_source ${CMAKE_CURRENT_SOURCE_DIR}/coverage/test-coverage.c)
set(coverage_environment "LT_GUESTS=${GUESTS}")
foreach(arch X86_64 AARCH64)
    if(COVERAGE_QEMU_${arch})
        list(APPEND coverage_environment "LT_QEMU_${arch}=${COVERAGE_QEMU_${arch}}")
    else()
        message(STATUS "another QEMU for ${arch} is missing: coverage is not compared with it")
    endif()
endforeach()

add_executable(test-coverage ${coverage_source})
target_link_libraries(test-coverage PRIVATE lt-options libtrace PkgConfig::CMOCKA)
add_test(NAME coverage/maps COMMAND test-coverage)
set_tests_properties(coverage/maps PROPERTIES TIMEOUT 600
    ENVIRONMENT "${coverage_environment}")
if(TARGET sanitized)
    sanitized_program(test-coverage ${coverage_source} ${inside_sources} ${engine_inside})
    sanitized_test(coverage/maps sanitized-test-coverage)
    set_property(TEST sanitized/coverage/maps APPEND PROPERTY ENVIRONMENT
        "${coverage_environment}")
endif()
