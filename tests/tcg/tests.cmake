# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU's own guest tests; included by tests/CMakeLists.txt.

foreach(arch x86_64 aarch64)
    foreach(group multiarch own)
        lt_script_test(tcg/${arch}/${group} python3 -B
            ${CMAKE_CURRENT_SOURCE_DIR}/tcg/run-tcg ${arch} ${group})
        set_property(TEST tcg/${arch}/${group} APPEND PROPERTY ENVIRONMENT
            "LT_BINARY=$<TARGET_FILE:lt>")
        set_tests_properties(tcg/${arch}/${group} PROPERTIES LABELS tcg TIMEOUT 900)
    endforeach()
endforeach()
