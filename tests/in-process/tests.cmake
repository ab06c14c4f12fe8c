# SPDX-License-Identifier: GPL-2.0-or-later
#
# The in-process mode; included by tests/CMakeLists.txt behind guests/guests.cmake.

set(in_process ${CMAKE_CURRENT_SOURCE_DIR}/in-process)
set(guest_files)
foreach(arch x86_64 aarch64)
    string(TOUPPER ${arch} upper)
    if(${upper}_COMPILER)
        real_guest(${arch} ${${upper}_COMPILER} in-process ${in_process}/guest.c)
        real_guest(${arch} ${${upper}_COMPILER} in-process-static ${in_process}/guest.c -static)
    endif()
endforeach()
add_custom_target(in-process-guests ALL DEPENDS ${guest_files})

add_executable(test-in-process ${in_process}/test-in-process.c)
target_link_libraries(test-in-process PRIVATE lt-options libtrace PkgConfig::CMOCKA)
add_test(NAME in-process/session COMMAND test-in-process)
set_tests_properties(in-process/session PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600
    ENVIRONMENT "LT_GUESTS=${GUESTS}")

# The tests of callbacks that the guest waits for, once more in this mode.
foreach(what points steps watch calls pause)
    add_executable(test-in-process-${what} ${control_source}/test-sync-${what}.c)
    target_compile_definitions(test-in-process-${what} PRIVATE
        LT_IN_PROCESS lt_session_create=lt_session_create_in_process)
    target_link_libraries(test-in-process-${what} PRIVATE lt-options libtrace PkgConfig::CMOCKA)
    add_test(NAME in-process/${what} COMMAND test-in-process-${what})
    set_tests_properties(in-process/${what} PROPERTIES TIMEOUT 600
        ENVIRONMENT "LT_GUESTS=${GUESTS}")
endforeach()

# Nothing is left behind: of 10,000 runs of a small guest, and of some with threads.
add_executable(test-in-process-leak ${in_process}/leak.c)
target_link_libraries(test-in-process-leak PRIVATE lt-options libtrace)
if(X86_64_COMPILER)
    add_test(NAME in-process/leak COMMAND test-in-process-leak 10000 ${GUESTS}/x86_64/loop-1)
    add_test(NAME in-process/leak-threads
        COMMAND test-in-process-leak 300 ${GUESTS}/x86_64/in-process threads open)
    lt_script_test(in-process/links ${in_process}/links ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}
        ${GUESTS}/x86_64/loop-1)
endif()
if(AARCH64_COMPILER)
    add_test(NAME in-process/leak-aarch64
        COMMAND test-in-process-leak 300 ${GUESTS}/aarch64/in-process-static threads open)
endif()
foreach(test leak leak-threads leak-aarch64)
    if(TEST in-process/${test})
        # The C library keeps freed blocks, heaps and stacks of threads, as many as the
        # threads' order of ends makes it: without that what counts is exact.
        set_tests_properties(in-process/${test} PROPERTIES TIMEOUT 1200 ENVIRONMENT
            "GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:glibc.pthread.stack_cache_size=0")
    endif()
endforeach()
