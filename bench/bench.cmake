# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs that bench/run times; included by the top CMakeLists.txt.

add_executable(bench-null-callbacks ${CMAKE_SOURCE_DIR}/bench/null-callbacks.c)
target_link_libraries(bench-null-callbacks PRIVATE lt-options libtrace)
set_target_properties(bench-null-callbacks PROPERTIES
    OUTPUT_NAME null-callbacks
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    set(loop ${CMAKE_SOURCE_DIR}/tests/guests/x86_64/loop.S)
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/bench/loop
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/bench
        COMMAND ${CMAKE_C_COMPILER} -nostdlib -static -no-pie
            -Wa,-I,${CMAKE_SOURCE_DIR}/tests/guests/x86_64 -Wa,--defsym,N=30000000
            -o ${CMAKE_BINARY_DIR}/bench/loop ${loop}
        DEPENDS ${loop} ${CMAKE_SOURCE_DIR}/tests/guests/x86_64/guest.inc VERBATIM)
    add_custom_target(bench-loop ALL DEPENDS ${CMAKE_BINARY_DIR}/bench/loop)
endif()
