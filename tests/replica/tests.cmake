# SPDX-License-Identifier: GPL-2.0-or-later
#
# A copy of the guest's memory, made from events, against the live guest's; included
# by tests/CMakeLists.txt.

add_executable(test-replica ${CMAKE_CURRENT_SOURCE_DIR}/replica/replica.c)
target_link_libraries(test-replica PRIVATE lt-options libtrace)
set(replica_guest ${CMAKE_CURRENT_SOURCE_DIR}/replica/guest.c)

function(replica_test name)
    add_test(NAME replica/${name} COMMAND test-replica ${ARGN})
    set_tests_properties(replica/${name} PROPERTIES TIMEOUT 300)
endfunction()

# The ways in which memory changes: the names stand in guest.c.
file(STRINGS ${replica_guest} cases REGEX "^    {\"[a-z]+\", ")
set(replica_files)
foreach(arch x86_64 aarch64)
    string(TOUPPER ${arch} upper)
    set(compiler ${${upper}_COMPILER})
    if(NOT compiler)
        continue()
    endif()
    foreach(kind dynamic static)
        set(out ${GUESTS}/${arch}/replica-${kind})
        set(options)
        if(kind STREQUAL static)
            set(options -static)
        endif()
        add_custom_command(OUTPUT ${out}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${GUESTS}/${arch}
            COMMAND ${compiler} -O1 -Wall -Wextra ${options} -o ${out} ${replica_guest} -lrt -pthread
            DEPENDS ${replica_guest} COMMENT "Guest ${arch}/replica-${kind}" VERBATIM)
        list(APPEND replica_files ${out})
    endforeach()
    set(sysroot)
    if(arch STREQUAL aarch64)
        set(sysroot -L /usr/aarch64-linux-gnu)
    endif()
    # Enough for each of the guest's reads, each of which is a comparison.
    string(REPEAT "-i;x;" 15 input)
    foreach(case ${cases})
        string(REGEX REPLACE "^[^\"]*\"([a-z]+)\".*" "\\1" case "${case}")
        if(case STREQUAL ldt AND NOT arch STREQUAL x86_64)
            continue()
        endif()
        replica_test(${arch}/${case} ${sysroot} ${input} ${GUESTS}/${arch}/replica-static ${case})
    endforeach()
    # Buffers are filled in another way while other threads may run.
    foreach(case readv recvmsg recvfrom structs frame behind)
        replica_test(${arch}/${case}-beside ${sysroot} ${input}
            ${GUESTS}/${arch}/replica-static ${case} beside)
    endforeach()
    replica_test(${arch}/dynamic ${sysroot} ${input} ${GUESTS}/${arch}/replica-dynamic structs)
endforeach()
# Stores of scalable vectors, and frames that have them.
if(GUESTS_sve)
    replica_test(aarch64-sve/frame -c max,sme=off ${input} ${GUESTS}/aarch64/replica-static frame)
    replica_test(aarch64-sve/signal -c max,sme=off ${GUESTS}/aarch64/sve-signal)
endif()
add_custom_target(replica-guests ALL DEPENDS ${replica_files})

# Real programs, as they come.
function(replica_program name program)
    find_program(REPLICA_${name} NAMES ${program} PATHS /usr/bin /bin NO_DEFAULT_PATH)
    if(REPLICA_${name})
        replica_test(${name} ${ARGN})
    endif()
endfunction()
set(inputs ${CMAKE_CURRENT_SOURCE_DIR}/replica)
replica_program(python python3 -n 7 -f ${inputs}/input.py /usr/bin/python3 -i -S)
replica_program(sqlite sqlite3 -n 8 -f ${inputs}/input.sql /usr/bin/sqlite3)
replica_program(bash bash -n 6 -f ${inputs}/input.sh /usr/bin/bash)

# The same for aarch64: Debian's packages, unpacked beside the tests.
set(arm64 ${CMAKE_CURRENT_BINARY_DIR}/arm64)
add_test(NAME replica/aarch64/packages COMMAND ${inputs}/arm64 ${arm64} bash sqlite3 python3)
set_tests_properties(replica/aarch64/packages PROPERTIES
    SKIP_RETURN_CODE 77 TIMEOUT 600 FIXTURES_SETUP arm64)
replica_test(aarch64/python -L ${arm64}/debian -n 7 -f ${inputs}/input.py
    ${arm64}/debian/usr/bin/python3 -i -S)
replica_test(aarch64/sqlite -L ${arm64}/debian -n 8 -f ${inputs}/input.sql
    ${arm64}/debian/usr/bin/sqlite3)
replica_test(aarch64/bash -L ${arm64}/debian -n 6 -f ${inputs}/input.sh
    ${arm64}/debian/bin/bash)
set_tests_properties(replica/aarch64/python replica/aarch64/sqlite replica/aarch64/bash
    PROPERTIES FIXTURES_REQUIRED arm64)
