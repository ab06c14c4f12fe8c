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
    # The one that loads the shared library has nothing else to check.
    if(TARGET sanitized AND NOT name STREQUAL "dlopen")
        sanitized_program(host-${name} ${source} ${hosts}/host.c)
        sanitized_test(hosts/${name} sanitized-host-${name})
        set_property(TEST sanitized/hosts/${name} APPEND PROPERTY ENVIRONMENT
            "LT_GUESTS=${GUESTS}")
    endif()
endforeach()

# The shared library, loaded and unloaded.
set_property(TEST hosts/dlopen APPEND PROPERTY ENVIRONMENT
    "LT_SHARED=$<TARGET_FILE:libtrace-shared>")
host_test(python python3 -B ${hosts}/ctypes_host.py)
set_property(TEST hosts/python APPEND PROPERTY ENVIRONMENT
    "LT_SHARED=$<TARGET_FILE:libtrace-shared>")

# Hosts that other compilers, linkers, C libraries and sanitizers have made.
foreach(variant gcc gcc-O0 static static-pie clang lld lld-static asan ubsan tsan
        asan-clang tsan-clang musl)
    host_test(build-${variant} ${hosts}/builds ${variant})
endforeach()

# The library once more with the thread sanitizer, in the hosts that have threads.
set(CMAKE_REQUIRED_FLAGS -fsanitize=thread)
check_c_source_compiles("int main(void) { return 0; }" HAVE_THREAD_SANITIZER)
unset(CMAKE_REQUIRED_FLAGS)
if(HAVE_THREAD_SANITIZER AND TARGET sanitized)
    sanitized_sources(sources ${library_sources})
    add_library(race-checked STATIC ${sources})
    add_dependencies(race-checked lt-objects)
    target_include_directories(race-checked PRIVATE ${generated})
    target_compile_options(race-checked PUBLIC -fsanitize=thread -O1 -g1 -w)
    target_link_options(race-checked PUBLIC -fsanitize=thread)
    target_link_libraries(race-checked PUBLIC lt-options ${library_packages})
    foreach(name threads signals fork)
        add_executable(race-checked-host-${name} ${hosts}/test-host-${name}.c ${hosts}/host.c)
        target_link_libraries(race-checked-host-${name} PRIVATE race-checked PkgConfig::CMOCKA)
        host_test(race-checked/${name} race-checked-host-${name})
        set_property(TEST hosts/race-checked/${name} APPEND PROPERTY ENVIRONMENT
            "TSAN_OPTIONS=exitcode=99:die_after_fork=0")
    endforeach()
endif()
