# SPDX-License-Identifier: GPL-2.0-or-later
#
# What fuzz targets there are: their sources and what their links need.

file(GLOB fuzz_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/fuzz-*.c)
set(fuzz_targets)
foreach(file ${fuzz_files})
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "^fuzz-" "" name ${name})
    list(APPEND fuzz_targets ${name})
    set(fuzz_sources_${name} ${file})
endforeach()
list(APPEND fuzz_sources_options ${CMAKE_CURRENT_LIST_DIR}/../../cli/options.c)
set(fuzz_link_stream -Wl,--wrap=syscall)
