# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random instruction sequences; included by tests/CMakeLists.txt behind
# oracle/tests.cmake.  Any other seed by hand: tests/random/run ARCH SEED COUNT.

set(random_source ${CMAKE_CURRENT_SOURCE_DIR}/random)

# random_test(ARCH SEED COUNT MODE [LENGTH])
function(random_test arch seed count mode)
    set(test random/${arch}/${seed})
    if(ARGN)
        set(test random/${arch}-sve/${seed})
    endif()
    if(NOT mode STREQUAL full)
        set(test ${test}/${mode})
    endif()
    lt_script_test(${test} python3 -B ${random_source}/run ${arch} ${seed} ${count})
    set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
        "LT_COMPARE=$<TARGET_FILE:oracle-compare>;LT_MODE=${mode}")
    if(ARGN)
        set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT 
            "LT_VL=${ARGN};LT_BINARY=$<TARGET_FILE:lt>")
    endif()
    set_tests_properties(${test} PROPERTIES LABELS random)
endfunction()

# At least 10,000 sequences of each architecture, in parts that run side by side;
# and the other ways of asking the library.
foreach(arch x86_64 aarch64)
    foreach(seed 1 2 3 4)
        random_test(${arch} ${seed} 3000 full)
    endforeach()
    foreach(mode pull noreads)
        random_test(${arch} 5 800 ${mode})
    endforeach()
endforeach()
# Scalable vectors, by their length in bytes.
foreach(length 16 48 64 256)
    random_test(aarch64 ${length} 1500 full ${length})
endforeach()
foreach(mode pull noreads)
    random_test(aarch64 5 800 ${mode} 64)
endforeach()
# Without memory events, the oracle of aarch64 cannot adopt what store exclusives did.
random_test(x86_64 5 800 insn)
if(lint IN_LIST oracle_modes)
    random_test(x86_64 5 800 lint)
endif()
