# SPDX-License-Identifier: GPL-2.0-or-later
#
# The corpora of the fuzz targets, replayed; included by tests/CMakeLists.txt behind
# sanitize.cmake.  `./dev fuzz` looks for more of them.

set(fuzz_source ${CMAKE_CURRENT_SOURCE_DIR}/fuzz)
include(${fuzz_source}/targets.cmake)
foreach(name ${fuzz_targets})
    add_executable(fuzz-${name} ${fuzz_sources_${name}} ${fuzz_source}/replay.c)
    target_link_libraries(fuzz-${name} PRIVATE lt-internal)
    target_link_options(fuzz-${name} PRIVATE ${fuzz_link_${name}})
    add_test(NAME fuzz/${name} COMMAND fuzz-${name} ${fuzz_source}/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 300)
    if(TARGET sanitized)
        sanitized_program(fuzz-${name} ${fuzz_sources_${name}} ${fuzz_source}/replay.c)
        target_link_options(sanitized-fuzz-${name} PRIVATE ${fuzz_link_${name}})
        sanitized_test(fuzz/${name} sanitized-fuzz-${name} ${fuzz_source}/corpus/${name})
    endif()
endforeach()

# Makes inputs out of real sessions: make-corpus DIRECTORY PROGRAM...
add_executable(fuzz-make-corpus ${fuzz_source}/make-corpus.c)
target_link_libraries(fuzz-make-corpus PRIVATE lt-internal)
