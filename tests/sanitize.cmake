# SPDX-License-Identifier: GPL-2.0-or-later
#
# Our own code, the library and the command line, once more with the address and
# the undefined-behaviour sanitizer; included by tests/CMakeLists.txt.  The engine
# inside is the same.  All unit tests, the sessions of the API's and the command
# line's tests and some of the oracle's run in it.

include(CheckCSourceCompiles)
set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
list(JOIN sanitize " " CMAKE_REQUIRED_FLAGS)
check_c_source_compiles("int main(void) { return 0; }" HAVE_SANITIZERS)
unset(CMAKE_REQUIRED_FLAGS)
if(NOT HAVE_SANITIZERS)
    message(STATUS "the compiler has no sanitizers: no tests with them")
    return()
endif()
# Warnings are for the ordinary build: here some are false.
list(APPEND sanitize -O1 -g1 -w)

# sanitized_sources(VARIABLE FILE...): names files of the top directory from here.
function(sanitized_sources variable)
    list(FILTER ARGN INCLUDE REGEX "\\.[cS]$")
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/)
    set(${variable} ${ARGN} PARENT_SCOPE)
endfunction()

sanitized_sources(sources ${library_sources})
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/engine-blob.S PROPERTIES
    OBJECT_DEPENDS ${engine} COMPILE_DEFINITIONS LTI_ENGINE_FILE="${engine}")
add_library(sanitized STATIC ${sources})
add_dependencies(sanitized lt-objects)
target_include_directories(sanitized PRIVATE ${generated})
target_compile_options(sanitized PUBLIC ${sanitize})
target_link_options(sanitized PUBLIC ${sanitize})
target_link_libraries(sanitized PUBLIC lt-options ${library_packages})

# What a sanitizer finds ends the process with a status that nothing else gives.
set(sanitized_environment
    "ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1:strict_string_checks=1"
    "UBSAN_OPTIONS=exitcode=99:print_stacktrace=1")

function(sanitized_program name)
    add_executable(sanitized-${name} ${ARGN})
    target_link_libraries(sanitized-${name} PRIVATE sanitized PkgConfig::CMOCKA)
endfunction()

function(sanitized_test name)
    add_test(NAME sanitized/${name} COMMAND ${ARGN})
    set_tests_properties(sanitized/${name} PROPERTIES TIMEOUT 300
        LABELS sanitized SKIP_RETURN_CODE 77 ENVIRONMENT "${sanitized_environment}")
endfunction()

foreach(source ${unit_tests})
    get_filename_component(name ${source} NAME_WE)
    unit_sources(files ${name})
    sanitized_program(${name} ${files})
    sanitized_test(unit/${name} sanitized-${name})
endforeach()

sanitized_program(test-session api/test-session.c)
sanitized_test(api/session sanitized-test-session)
set_property(TEST sanitized/api/session APPEND PROPERTY ENVIRONMENT
    "LT_GUESTS=${GUESTS}/x86_64")

# What the in-process mode adds, for those who refer to it.
set_source_files_properties(${engine_inside} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
sanitized_sources(inside_sources src/in-process.c src/inside-signals.c)
sanitized_program(test-functions api/test-functions.c ${inside_sources} ${engine_inside})
sanitized_test(api/functions sanitized-test-functions ${CMAKE_BINARY_DIR}/public-names)
set_property(TEST sanitized/api/functions APPEND PROPERTY ENVIRONMENT
    "LT_GUESTS=${GUESTS}/x86_64")

foreach(what exec processes signals threads)
    sanitized_program(test-control-${what} api/test-control-${what}.c api/control.c)
    sanitized_test(api/control-${what} sanitized-test-control-${what})
    set_property(TEST sanitized/api/control-${what} APPEND PROPERTY ENVIRONMENT
        "LT_GUESTS=${GUESTS}")
endforeach()

sanitized_program(test-view view/test-view.c)
foreach(guest x86_64/string x86_64/fault-rep x86_64/smc x86_64/x87 x86_64/sse-float
        aarch64/fault-second aarch64/float aarch64/neon)
    sanitized_test(view/${guest} sanitized-test-view ${GUESTS}/${guest})
endforeach()

foreach(what hostile limits)
    sanitized_program(test-${what} hostile/test-${what}.c)
    sanitized_test(hostile/${what} sanitized-test-${what})
    set_property(TEST sanitized/hostile/${what} APPEND PROPERTY ENVIRONMENT
        "LT_GUESTS=${GUESTS}")
    set_property(TEST sanitized/hostile/${what} PROPERTY TIMEOUT 900)
endforeach()

foreach(what points steps watch calls)
    sanitized_program(test-sync-${what} api/test-sync-${what}.c)
    sanitized_test(api/sync-${what} sanitized-test-sync-${what})
    set_property(TEST sanitized/api/sync-${what} APPEND PROPERTY ENVIRONMENT
        "LT_GUESTS=${GUESTS}")
endforeach()

# The engines in this process, of which only the library's part is looked at.
sanitized_program(test-in-process in-process/test-in-process.c ${inside_sources}
    ${engine_inside})
sanitized_test(in-process sanitized-test-in-process)
set_property(TEST sanitized/in-process APPEND PROPERTY ENVIRONMENT
    "LT_GUESTS=${GUESTS}" "LT_SANITIZED=1")

get_target_property(cli_sources lt SOURCES)
sanitized_sources(cli_sources ${cli_sources})
sanitized_program(lt ${cli_sources})
sanitized_test(cli python3 -B ${here}/cli/test_cli.py)
set_property(TEST sanitized/cli APPEND PROPERTY ENVIRONMENT
    "LT_BINARY=$<TARGET_FILE:sanitized-lt>;LT_SOURCE=${CMAKE_SOURCE_DIR}")

foreach(arch x86_64 aarch64)
    sanitized_test(syscalls/${arch} python3 -B ${here}/syscalls/check.py
        $<TARGET_FILE:sanitized-lt> ${arch} ${GUESTS}/${arch}/catalogue
        ${GUESTS}/x86_64/catalogue)
endforeach()

# Every kind of event, compared with the oracles.
sanitized_program(compare ${compare_sources} ${compare_objects})
if(GUESTS_x86_64)
    sanitized_test(oracle/x86_64 sanitized-compare -a x86_64 -m full ${GUESTS}/x86_64/string)
endif()
if(GUESTS_aarch64 AND ORACLE_QEMU_AARCH64)
    sanitized_test(oracle/aarch64 sanitized-compare -a aarch64 -m full ${GUESTS}/aarch64/switch-O3)
endif()
