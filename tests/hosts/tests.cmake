# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hosts: programs that are unlike each other and have sessions of the library's in
# them; included by tests/CMakeLists.txt behind sanitize.cmake.

set(hosts ${CMAKE_CURRENT_SOURCE_DIR}/hosts)
file(GLOB host_tests CONFIGURE_DEPENDS ${hosts}/test-host-*.c)

# host_test(NAME COMMAND...)
function(host_test name)
    add_test(NAME hosts/${name} COMMAND ${ARGN})
    set_tests_properties(hosts/${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
        ENVIRONMENT "LT_GUESTS=${GUESTS};LIBTRACE_SOURCE=${CMAKE_SOURCE_DIR};LIBTRACE_BUILD=${CMAKE_BINARY_DIR}")
endfunction()

foreach(source ${host_tests})
    get_filename_component(name ${source} NAME_WE)
    string(REGEX REPLACE "^test-host-" "" name ${name})
    add_executable(host-${name} ${source} ${hosts}/host.c)
    target_link_libraries(host-${name} PRIVATE lt-options libtrace PkgConfig::CMOCKA)
    host_test(${name} host-${name})
    if(TARGET sanitized)
        sanitized_program(host-${name} ${source} ${hosts}/host.c)
        sanitized_test(hosts/${name} sanitized-host-${name})
        set_property(TEST sanitized/hosts/${name} APPEND PROPERTY ENVIRONMENT
            "LT_GUESTS=${GUESTS}")
    endif()
endforeach()
