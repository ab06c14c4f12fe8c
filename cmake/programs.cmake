# The command-line program.

file(GLOB cli_sources CONFIGURE_DEPENDS cli/*.c)
add_executable(lt ${cli_sources})
target_link_libraries(lt PRIVATE lt-options libtrace)
set_target_properties(lt PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
