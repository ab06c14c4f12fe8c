# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random instruction sequences; included by tests/CMakeLists.txt behind
# oracle/tests.cmake.  Any other seed by hand: tests/random/run ARCH SEED COUNT.

set(random_source ${CMAKE_CURRENT_SOURCE_DIR}/random)

# At least 10,000 sequences of each architecture, in parts that run side by side.
foreach(arch x86_64 aarch64)
    foreach(seed 1 2 3 4)
        lt_script_test(random/${arch}/${seed} python3 -B ${random_source}/run
            ${arch} ${seed} 3000)
        set_property(TEST random/${arch}/${seed} APPEND PROPERTY ENVIRONMENT
            "LT_COMPARE=$<TARGET_FILE:oracle-compare>")
        set_tests_properties(random/${arch}/${seed} PROPERTIES LABELS random)
    endforeach()
endforeach()
