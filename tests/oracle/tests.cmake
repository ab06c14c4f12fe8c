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
set(compare_sources ${oracle_source}/compare.c ${oracle_source}/compare-state.c
    ${oracle_source}/compare-capstone.c)
add_executable(oracle-compare ${compare_sources} ${compare_objects})
target_link_libraries(oracle-compare PRIVATE lt-options libtrace PkgConfig::CAPSTONE)
add_executable(oracle-real ${oracle_source}/real.c ${compare_objects})
target_link_libraries(oracle-real PRIVATE lt-options libtrace PkgConfig::CAPSTONE)
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

# What the oracle says of each guest, in each way of asking the library: "compiled" is
# "full" where all blocks are compiled when they first run.  In the other ways, blocks that
# run often are.
function(oracle_test arch name mode)
    set(test oracle/${arch}/${name}/${mode})
    if(mode STREQUAL compiled)
        set(mode full)
        list(APPEND ARGN -j)
    endif()
    add_test(NAME ${test}
        COMMAND oracle-compare -a ${arch} -m ${mode} ${ARGN} ${GUESTS}/${arch}/${name})
    set_tests_properties(${test} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300
        LABELS oracle)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    foreach(name ${GUESTS_x86_64} loop-1)
        oracle_test(x86_64 ${name} full)
        oracle_test(x86_64 ${name} compiled)
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
        oracle_test(aarch64 ${name} compiled)
    endforeach()
    foreach(name memory flags switch-O3 loop neon float)
        foreach(mode ${oracle_modes})
            oracle_test(aarch64 ${name} ${mode})
        endforeach()
    endforeach()
    # Scalable vectors, which capstone's older releases do not know.
    foreach(cpu max,sme=off max,sme=off,sve-max-vq=1)
        add_test(NAME oracle/aarch64/lint-sve/${cpu}
            COMMAND ${oracle_source}/lint-sve ${cpu} ${GUESTS}/aarch64/sve)
        set_tests_properties(oracle/aarch64/lint-sve/${cpu} PROPERTIES TIMEOUT 60
            SKIP_RETURN_CODE 77 LABELS oracle ENVIRONMENT "LT_BINARY=$<TARGET_FILE:lt>")
    endforeach()
    foreach(name ${GUESTS_sve})
        foreach(mode full compiled ${oracle_modes})
            oracle_test(aarch64 ${name} ${mode} -c max,sme=off)
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
# Every public function, with what it must refuse.
add_executable(test-functions ${CMAKE_CURRENT_SOURCE_DIR}/api/test-functions.c)
target_link_libraries(test-functions PRIVATE lt-options libtrace)
add_test(NAME api/functions COMMAND test-functions ${CMAKE_BINARY_DIR}/public-names)
set_tests_properties(api/functions PROPERTIES TIMEOUT 60
    ENVIRONMENT "LT_GUESTS=${GUESTS}/x86_64")
# Signals, threads and processes.
set(control_source ${CMAKE_CURRENT_SOURCE_DIR}/api)
foreach(what exec processes signals threads)
    add_executable(test-control-${what} ${control_source}/test-control-${what}.c
        ${control_source}/control.c)
    target_link_libraries(test-control-${what} PRIVATE lt-options libtrace PkgConfig::CMOCKA)
    add_test(NAME api/control-${what} COMMAND test-control-${what})
    set_tests_properties(api/control-${what} PROPERTIES TIMEOUT 600
        ENVIRONMENT "LT_GUESTS=${GUESTS}")
endforeach()
# Guests that wait for the host.
set(sync_tests points steps watch calls pause)
foreach(what ${sync_tests})
    add_executable(test-sync-${what} ${control_source}/test-sync-${what}.c)
    target_link_libraries(test-sync-${what} PRIVATE lt-options libtrace PkgConfig::CMOCKA)
    add_test(NAME api/sync-${what} COMMAND test-sync-${what})
    set_tests_properties(api/sync-${what} PROPERTIES TIMEOUT 600
        ENVIRONMENT "LT_GUESTS=${GUESTS}")
endforeach()
# It measures what guests use of the processor.
set_tests_properties(api/sync-pause PROPERTIES RUN_SERIAL ON)
add_executable(test-leak ${CMAKE_CURRENT_SOURCE_DIR}/leak/leak.c)
target_link_libraries(test-leak PRIVATE lt-options libtrace)
add_test(NAME leak/sessions COMMAND test-leak ${GUESTS}/x86_64/loop 1000)
set_tests_properties(leak/sessions PROPERTIES TIMEOUT 600 RUN_SERIAL ON)

# Real programs.
add_executable(test-full ${CMAKE_CURRENT_SOURCE_DIR}/real/full.c)
target_link_libraries(test-full PRIVATE lt-options libtrace)
# Translations that are thrown away, and slabs that are used again.
add_executable(test-slabs ${CMAKE_CURRENT_SOURCE_DIR}/real/slabs.c)
target_link_libraries(test-slabs PRIVATE lt-internal)
add_test(NAME slabs/python
    COMMAND test-slabs /usr/bin/python3 -c "import json, re, threading, subprocess")
add_test(NAME slabs/shell
    COMMAND test-slabs /bin/sh -c "for i in 1 2 3; do perl -e 'print 1..9' | sort | tail -1; done")
set_tests_properties(slabs/python slabs/shell PROPERTIES TIMEOUT 300)
add_executable(test-history ${CMAKE_CURRENT_SOURCE_DIR}/real/history.c)
target_link_libraries(test-history PRIVATE lt-options libtrace)
foreach(arch x86_64 aarch64)
    if(NOT GUESTS_${arch})
        continue()
    endif()
    add_test(NAME history/${arch}/serial COMMAND test-history
        ${GUESTS}/${arch}/control-hammer ${CMAKE_CURRENT_SOURCE_DIR}/real/hammer.txt)
    add_test(NAME history/${arch}/parallel COMMAND test-history -p
        ${GUESTS}/${arch}/control-hammer ${CMAKE_CURRENT_SOURCE_DIR}/real/hammer.txt)
    set_tests_properties(history/${arch}/serial history/${arch}/parallel
        PROPERTIES TIMEOUT 300)
endforeach()
add_executable(test-jit ${CMAKE_CURRENT_SOURCE_DIR}/real/jit.c)
target_link_libraries(test-jit PRIVATE lt-options libtrace)
# Processes of both architectures in one session.
if(GUESTS_aarch64)
    add_test(NAME full/mixed COMMAND test-full /bin/sh -c
        "$1 one; (i=0; while [ $i -lt 99 ]; do i=$((i+1)); done; [ $i = 99 ]) || exit 1; $1 two; exit 0" sh
        ${GUESTS}/aarch64/hello-static)
    set_tests_properties(full/mixed PROPERTIES TIMEOUT 60)
endif()
# What the oracles are too old for.
add_test(NAME full/aarch64/mops COMMAND test-full ${GUESTS}/aarch64/mops)
set_tests_properties(full/aarch64/mops PROPERTIES TIMEOUT 60
    ENVIRONMENT "LT_FULL_EVERY=1")
# Scalable vectors in signal frames, threads and forks.
foreach(threads serial parallel)
    add_test(NAME full/aarch64/sve-${threads} COMMAND test-full ${GUESTS}/aarch64/sve-signal)
    set_tests_properties(full/aarch64/sve-${threads} PROPERTIES TIMEOUT 60
        ENVIRONMENT "LT_FULL_EVERY=1;LT_FULL_CPU=max,sme=off;LT_FULL_THREADS=${threads}")
endforeach()
# The largest records.
add_test(NAME full/aarch64/sve-long COMMAND test-full ${GUESTS}/aarch64/sve-long)
set_tests_properties(full/aarch64/sve-long PROPERTIES TIMEOUT 60
    ENVIRONMENT "LT_FULL_EVERY=1;LT_FULL_CPU=max,sme=off")
foreach(case ls sha256sum gzip python python-threads gcc make sqlite lua luajit perl sh script
        env x86_64 aarch64)
    add_test(NAME real/${case} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/real/run-real ${case})
    set_tests_properties(real/${case} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600
        ENVIRONMENT "LT_BINARY=$<TARGET_FILE:lt>;LT_FULL=$<TARGET_FILE:test-full>;LT_JIT=$<TARGET_FILE:test-jit>;LT_GUESTS=${GUESTS}")
endforeach()

# Real static programs, each instruction of which the processor executes too.  The
# CPU model has nothing that a processor may lack; where that can AVX2, once more with
# all that the emulated one has, for which the C library has other routines.
find_program(BUSYBOX_STATIC busybox)
find_program(BASH_STATIC bash-static)
set(busybox_1 sha256sum /etc/passwd)
set(busybox_2 awk "BEGIN { for (i = 1; i < 40; i++) s += i / 3; printf \"%.9f %s\\n\", s, toupper(\"x\") }")
set(busybox_3 sort -r /etc/passwd)
set(bash_1 -c "a=(3 1 2); for i in {1..20}; do ((n += i ** 2)); a+=($n); done; echo \${a[@]/1/x}; exit 4")
function(native_test name cpu program)
    add_test(NAME native/${name} COMMAND oracle-real -s -c ${cpu} ${program} ${ARGN})
    set_tests_properties(native/${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300
        LABELS oracle)
endfunction()
if(GUESTS_x86_64 AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
    native_test(hello qemu64 ${GUESTS}/x86_64/hello-static one)
    file(STRINGS /proc/cpuinfo avx2 REGEX "^flags.* avx2 .*bmi2|^flags.*bmi2.* avx2 " LIMIT_COUNT 1)
    if(avx2)
        native_test(hello-max max ${GUESTS}/x86_64/hello-static one)
    endif()
    foreach(n 1 2 3)
        if(BUSYBOX_STATIC)
            native_test(busybox-${n} qemu64 ${BUSYBOX_STATIC} ${busybox_${n}})
        endif()
    endforeach()
    if(BASH_STATIC)
        native_test(bash qemu64 ${BASH_STATIC} ${bash_1})
    endif()
endif()
