# SPDX-License-Identifier: GPL-2.0-or-later
#
# Limits, guests that mean harm, and the engine's own failures; included by
# tests/CMakeLists.txt.

add_executable(test-hostile ${CMAKE_CURRENT_SOURCE_DIR}/hostile/test-hostile.c)
target_link_libraries(test-hostile PRIVATE lt-internal PkgConfig::CMOCKA)
add_test(NAME hostile/guests COMMAND test-hostile)
set_tests_properties(hostile/guests PROPERTIES TIMEOUT 600 ENVIRONMENT "LT_GUESTS=${GUESTS}")
add_executable(test-limits ${CMAKE_CURRENT_SOURCE_DIR}/hostile/test-limits.c)
target_link_libraries(test-limits PRIVATE lt-options libtrace PkgConfig::CMOCKA)
add_test(NAME hostile/limits COMMAND test-limits)
set_tests_properties(hostile/limits PROPERTIES TIMEOUT 600 ENVIRONMENT "LT_GUESTS=${GUESTS}")
