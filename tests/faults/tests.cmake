# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sessions in which memory and system calls fail; included by tests/CMakeLists.txt.

set(fault_wraps memfd_create ftruncate mprotect socketpair lti_supervisor_start write open
    fcntl syscall mmap munmap cs_open cs_disasm_iter)
list(TRANSFORM fault_wraps PREPEND -Wl,--wrap=)
add_executable(test-faults ${CMAKE_CURRENT_SOURCE_DIR}/faults/faults.c)
target_link_libraries(test-faults PRIVATE lt-internal)
target_link_options(test-faults PRIVATE ${fault_wraps})
foreach(what memory calls)
    foreach(case x86_64 memory pull aarch64 script processes threads)
        add_test(NAME faults/${what}/${case} COMMAND test-faults ${what} ${GUESTS} ${case})
        set_tests_properties(faults/${what}/${case} PROPERTIES TIMEOUT 600)
    endforeach()
endforeach()
