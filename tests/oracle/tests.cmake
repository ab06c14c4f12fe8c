# SPDX-License-Identifier: GPL-2.0-or-later
#
# The oracle, session, leak and real-program tests; included by
# tests/CMakeLists.txt behind guests/guests.cmake.

set(oracle_source ${CMAKE_CURRENT_SOURCE_DIR}/oracle)
set(oracle_objects ${oracle_source}/oracle.c ${oracle_source}/native.c
    ${oracle_source}/gdbstub.c)

add_executable(oracle-step ${oracle_source}/step.c ${oracle_objects})
target_link_libraries(oracle-step PRIVATE lt-options)
set(compare_objects ${oracle_source}/undefined.c ${oracle_objects})
add_executable(oracle-compare ${oracle_source}/compare.c ${compare_objects})
target_link_libraries(oracle-compare PRIVATE lt-options libtrace PkgConfig::CAPSTONE)
add_executable(oracle-loopcount ${oracle_source}/loopcount.c)
target_link_libraries(oracle-loopcount PRIVATE lt-options libtrace)

find_program(ORACLE_QEMU_AARCH64 qemu-aarch64)
if(NOT ORACLE_QEMU_AARCH64)
    message(STATUS "qemu-aarch64 is missing: no oracle for aarch64")
endif()

# Other versions of capstone have other mistakes in the tables that lint uses.
set(oracle_modes insn noreads regs memory pull)
if(CAPSTONE_VERSION VERSION_LESS 5)
    list(APPEND oracle_modes lint)
endif()

# What the oracle says of each guest, in each way of asking the library.
function(oracle_test arch name mode)
    set(test oracle/${arch}/${name}/${mode})
    add_test(NAME ${test}
        COMMAND oracle-compare -a ${arch} -m ${mode} ${GUESTS}/${arch}/${name})
    set_tests_properties(${test} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300
        LABELS oracle)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    foreach(name ${GUESTS_x86_64} loop-1)
        oracle_test(x86_64 ${name} full)
    endforeach()
    # The other ways, over guests that are short and varied.
    foreach(name branch bmi smc stack string sse segment switch-O3 recurse sse-int
            sse-float avx x87 selector)
        foreach(mode ${oracle_modes})
            oracle_test(x86_64 ${name} ${mode})
        endforeach()
    endforeach()
endif()
if(ORACLE_QEMU_AARCH64)
    foreach(name ${GUESTS_aarch64} loop-1)
        oracle_test(aarch64 ${name} full)
    endforeach()
    foreach(name memory flags switch-O3 loop neon float)
        foreach(mode ${oracle_modes})
            oracle_test(aarch64 ${name} ${mode})
        endforeach()
    endforeach()
endif()

# N events for each instruction of a body that is executed N times.  The second
# number is how many instructions the guest executes besides.
foreach(arch x86_64 aarch64)
    if(NOT GUESTS_${arch})
        continue()
    endif()
    set(extra_x86_64 5)
    set(extra_aarch64 9)
    foreach(n 1 100 1000000)
        set(name loop-${n})
        if(n EQUAL 100)
            set(name loop)
        endif()
        add_test(NAME loopcount/${arch}/${n} COMMAND oracle-loopcount -n ${n}
            -x ${extra_${arch}} ${GUESTS}/${arch}/${name})
        set_tests_properties(loopcount/${arch}/${n} PROPERTIES TIMEOUT 120)
    endforeach()
endforeach()

# Sessions seen from outside, and that nothing leaks.
add_executable(test-session ${CMAKE_CURRENT_SOURCE_DIR}/api/test-session.c)
target_link_libraries(test-session PRIVATE lt-options libtrace PkgConfig::CMOCKA)
add_test(NAME api/session COMMAND test-session)
set_tests_properties(api/session PROPERTIES TIMEOUT 300
    ENVIRONMENT "LT_GUESTS=${GUESTS}/x86_64")
add_executable(test-leak ${CMAKE_CURRENT_SOURCE_DIR}/leak/leak.c)
target_link_libraries(test-leak PRIVATE lt-options libtrace)
add_test(NAME leak/sessions COMMAND test-leak ${GUESTS}/x86_64/loop 1000)
set_tests_properties(leak/sessions PROPERTIES TIMEOUT 600 RUN_SERIAL ON)

# Real programs.
add_executable(test-full ${CMAKE_CURRENT_SOURCE_DIR}/real/full.c)
target_link_libraries(test-full PRIVATE lt-options libtrace)
add_executable(test-jit ${CMAKE_CURRENT_SOURCE_DIR}/real/jit.c)
target_link_libraries(test-jit PRIVATE lt-options libtrace)
# What the oracles are too old for.
add_test(NAME full/aarch64/mops COMMAND test-full ${GUESTS}/aarch64/mops)
set_tests_properties(full/aarch64/mops PROPERTIES TIMEOUT 60
    ENVIRONMENT "LT_FULL_EVERY=1")
foreach(case ls sha256sum gzip python sqlite lua luajit perl sh script env x86_64 aarch64)
    add_test(NAME real/${case} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/real/run-real ${case})
    set_tests_properties(real/${case} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600
        ENVIRONMENT "LT_BINARY=$<TARGET_FILE:lt>;LT_FULL=$<TARGET_FILE:test-full>;LT_JIT=$<TARGET_FILE:test-jit>;LT_GUESTS=${GUESTS}")
endforeach()
