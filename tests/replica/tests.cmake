# SPDX-License-Identifier: GPL-2.0-or-later
#
# A copy of the guest's memory, made from events, against the live guest's; included
# by tests/CMakeLists.txt.

add_executable(test-replica ${CMAKE_CURRENT_SOURCE_DIR}/replica/replica.c)
target_link_libraries(test-replica PRIVATE lt-options libtrace)
