# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark's own parts: that it runs, writes what it should, and can count.  No
# time decides.

lt_script_test(bench python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/bench/test_bench.py)
set_property(TEST bench APPEND PROPERTY ENVIRONMENT "LT_BENCH=${CMAKE_SOURCE_DIR}/bench")
