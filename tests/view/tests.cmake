# SPDX-License-Identifier: GPL-2.0-or-later
#
# The block view against single events; included by tests/CMakeLists.txt behind
# guests/guests.cmake.

add_executable(test-view ${CMAKE_CURRENT_SOURCE_DIR}/view/test-view.c)
target_link_libraries(test-view PRIVATE lt-options libtrace)
add_dependencies(test-view guests)

# view_test(ARCH NAME OPTIONS...)
function(view_test arch name)
    add_test(NAME view/${arch}/${name} COMMAND test-view ${ARGN} ${GUESTS}/${arch}/${name})
    set_tests_properties(view/${arch}/${name} PROPERTIES TIMEOUT 300 LABELS view)
endfunction()

foreach(arch x86_64 aarch64)
    set(names ${GUESTS_${arch}})
    # This one reads the time stamp counter.
    list(REMOVE_ITEM names xsave loop)
    foreach(name ${names} loop-1)
        view_test(${arch} ${name})
    endforeach()
    foreach(name hello-static threads-static signals-static forks-static execs-static)
        if(names)
            view_test(${arch} ${name} -p)
        endif()
    endforeach()
endforeach()
if(GUESTS_x86_64)
    view_test(x86_64 xsave -p)
endif()
if(GUESTS_sve)
    foreach(name ${GUESTS_sve})
        view_test(aarch64 ${name} -c max,sme=off)
    endforeach()
    view_test(aarch64 sve-signal -p -c max,sme=off)
    view_test(aarch64 mops)
endif()
