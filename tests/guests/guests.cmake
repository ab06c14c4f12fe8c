# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the guest programs; included by tests/CMakeLists.txt.  What came out:
#
#   GUESTS                  the directory with x86_64/ and aarch64/ below it
#   GUESTS_x86_64, GUESTS_aarch64   names of the guests that end by themselves
#   the target `guests`

set(GUESTS ${CMAKE_CURRENT_BINARY_DIR}/guests)
set(guest_source ${CMAKE_CURRENT_SOURCE_DIR}/guests)
find_program(X86_64_COMPILER NAMES x86_64-linux-gnu-gcc)
find_program(AARCH64_COMPILER NAMES aarch64-linux-gnu-gcc)
set(guest_files)

set(guest_options -nostdlib -static -no-pie -fno-pie -g -Wl,--no-warn-rwx-segments)
set(guest_c_options -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes)
set(guest_c_options_x86_64 -fcf-protection=none)
set(guest_c_options_aarch64 -mno-outline-atomics)

# guest(ARCH COMPILER NAME SOURCE OPTIONS...)
function(guest arch compiler name source)
    set(out ${GUESTS}/${arch}/${name})
    set(options ${guest_options})
    if(source MATCHES "\\.c$")
        list(APPEND options ${guest_c_options} ${guest_c_options_${arch}})
    else()
        list(APPEND options -Wa,-I,${guest_source}/${arch})
    endif()
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${GUESTS}/${arch}
        COMMAND ${compiler} ${options} ${ARGN} -o ${out} ${source}
        DEPENDS ${source} ${guest_source}/common/guest.h ${guest_source}/${arch}/guest.inc
        COMMENT "Guest ${arch}/${name}" VERBATIM)
    set(guest_files ${guest_files} ${out} PARENT_SCOPE)
endfunction()

# A program linked with the C library.
function(real_guest arch compiler name source)
    set(out ${GUESTS}/${arch}/${name})
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${GUESTS}/${arch}
        COMMAND ${compiler} -O1 -Wall -Wextra ${ARGN} -o ${out} ${source} -lm -pthread
        DEPENDS ${source}
        COMMENT "Guest ${arch}/${name}" VERBATIM)
    set(guest_files ${guest_files} ${out} PARENT_SCOPE)
endfunction()

file(GLOB guest_c_sources CONFIGURE_DEPENDS ${guest_source}/common/*.c)
file(GLOB guest_endless_sources CONFIGURE_DEPENDS ${guest_source}/endless/*.c)
file(GLOB guest_real_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/real/*.c)
list(FILTER guest_real_sources EXCLUDE REGEX "/(full|jit|slabs|history)\\.c$")
file(GLOB guest_control_sources CONFIGURE_DEPENDS ${guest_source}/control/*.c)

if(AARCH64_COMPILER)
    guest(aarch64 ${AARCH64_COMPILER} mops ${guest_source}/newer/mops.S)
    guest(aarch64 ${AARCH64_COMPILER} sve-long ${guest_source}/newer/sve-long.S)
    # With scalable vectors.
    file(GLOB sources CONFIGURE_DEPENDS ${guest_source}/sve/*.S)
    foreach(source ${sources})
        get_filename_component(name ${source} NAME_WE)
        guest(aarch64 ${AARCH64_COMPILER} ${name} ${source} -Wa,-I,${guest_source}/sve)
        list(APPEND GUESTS_sve ${name})
    endforeach()
    real_guest(aarch64 ${AARCH64_COMPILER} sve-signal ${guest_source}/sve/signal.c
        -march=armv8.2-a+sve -static)
endif()

foreach(arch x86_64 aarch64)
    string(TOUPPER ${arch} upper)
    set(compiler ${${upper}_COMPILER})
    if(NOT compiler)
        continue()
    endif()
    file(GLOB sources CONFIGURE_DEPENDS ${guest_source}/${arch}/*.S)
    foreach(source ${sources})
        get_filename_component(name ${source} NAME_WE)
        guest(${arch} ${compiler} ${name} ${source})
        list(APPEND GUESTS_${arch} ${name})
    endforeach()
    foreach(source ${guest_c_sources})
        get_filename_component(name ${source} NAME_WE)
        guest(${arch} ${compiler} ${name} ${source} -O1)
        guest(${arch} ${compiler} ${name}-O3 ${source} -O3)
        list(APPEND GUESTS_${arch} ${name} ${name}-O3)
    endforeach()
    foreach(source ${guest_endless_sources})
        get_filename_component(name ${source} NAME_WE)
        guest(${arch} ${compiler} ${name} ${source} -O1 -I${guest_source}/common)
    endforeach()
    foreach(n 1 1000000)
        guest(${arch} ${compiler} loop-${n} ${guest_source}/${arch}/loop.S -Wa,--defsym,N=${n})
    endforeach()
    foreach(source ${guest_real_sources})
        get_filename_component(name ${source} NAME_WE)
        real_guest(${arch} ${compiler} ${name} ${source})
        real_guest(${arch} ${compiler} ${name}-static ${source} -static)
    endforeach()
    foreach(name catalogue restart)
        real_guest(${arch} ${compiler} ${name}
            ${CMAKE_CURRENT_SOURCE_DIR}/syscalls/${name}.c -static -no-pie)
    endforeach()
    real_guest(${arch} ${compiler} hostile ${CMAKE_CURRENT_SOURCE_DIR}/hostile/guest.c -static)
    foreach(source ${guest_control_sources})
        get_filename_component(name ${source} NAME_WE)
        real_guest(${arch} ${compiler} control-${name} ${source} -static)
    endforeach()
endforeach()
add_custom_target(guests ALL DEPENDS ${guest_files})
