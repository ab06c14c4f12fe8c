# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs that bench/run times, and those that it times them with; included by the
# top CMakeLists.txt.  What a missing package keeps from being built, bench/run leaves out.

function(bench_program name)
    add_executable(bench-${name} ${CMAKE_SOURCE_DIR}/bench/${name}.c)
    target_link_libraries(bench-${name} PRIVATE lt-options ${ARGN})
    set_target_properties(bench-${name} PROPERTIES
        OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()

bench_program(null-callbacks libtrace)
bench_program(startup libtrace)
bench_program(singlestep)
pkg_check_modules(UNICORN IMPORTED_TARGET unicorn)
if(UNICORN_FOUND)
    bench_program(unicorn PkgConfig::UNICORN)
endif()

# QEMU's header for plugins is there when its source is unpacked.
pkg_check_modules(GLIB IMPORTED_TARGET glib-2.0)
if(GLIB_FOUND)
    add_library(bench-empty-plugin MODULE ${CMAKE_SOURCE_DIR}/bench/empty-plugin.c)
    add_dependencies(bench-empty-plugin engine)
    target_link_libraries(bench-empty-plugin PRIVATE lt-options PkgConfig::GLIB)
    target_include_directories(bench-empty-plugin SYSTEM PRIVATE ${engine_dir}/source/include/qemu)
    set_target_properties(bench-empty-plugin PROPERTIES
        PREFIX "" OUTPUT_NAME empty-plugin LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endif()

# A loop that is as long as its argument says, and so hardly there without one.
find_program(AARCH64_COMPILER aarch64-linux-gnu-gcc)
set(bench_guests)
foreach(arch x86_64 aarch64)
    set(compiler ${CMAKE_C_COMPILER})
    if(arch STREQUAL aarch64)
        set(compiler ${AARCH64_COMPILER})
    endif()
    if(NOT compiler)
        continue()
    endif()
    set(guest ${CMAKE_BINARY_DIR}/bench/loop-${arch})
    set(source ${CMAKE_SOURCE_DIR}/bench/loop-${arch}.S)
    add_custom_command(OUTPUT ${guest}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/bench
        COMMAND ${compiler} -nostdlib -static -no-pie -o ${guest} ${source}
        DEPENDS ${source} VERBATIM)
    list(APPEND bench_guests ${guest})
endforeach()
add_custom_target(bench-guests ALL DEPENDS ${bench_guests})
