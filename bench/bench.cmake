# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs that bench/run times; included by the top CMakeLists.txt.

foreach(name null-callbacks startup)
    add_executable(bench-${name} ${CMAKE_SOURCE_DIR}/bench/${name}.c)
    target_link_libraries(bench-${name} PRIVATE lt-options libtrace)
    set_target_properties(bench-${name} PROPERTIES
        OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endforeach()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    set(loop ${CMAKE_SOURCE_DIR}/tests/guests/x86_64/loop.S)
    set(guests)
    # A long one, and one that is hardly there.
    foreach(guest loop:30000000 empty:1)
        string(REPLACE ":" ";" guest ${guest})
        list(GET guest 0 name)
        list(GET guest 1 times)
        add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/bench/${name}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/bench
            COMMAND ${CMAKE_C_COMPILER} -nostdlib -static -no-pie
                -Wa,-I,${CMAKE_SOURCE_DIR}/tests/guests/x86_64 -Wa,--defsym,N=${times}
                -o ${CMAKE_BINARY_DIR}/bench/${name} ${loop}
            DEPENDS ${loop} ${CMAKE_SOURCE_DIR}/tests/guests/x86_64/guest.inc VERBATIM)
        list(APPEND guests ${CMAKE_BINARY_DIR}/bench/${name})
    endforeach()
    add_custom_target(bench-guests ALL DEPENDS ${guests})
endif()
