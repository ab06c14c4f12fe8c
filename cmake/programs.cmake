# The command-line program, and the examples.

add_executable(lt
    cli/count.c
    cli/find.c
    cli/json.c
    cli/log.c
    cli/main.c
    cli/options.c
    cli/out.c
    cli/places.c
    cli/progress.c
    cli/run.c
    cli/signals.c
    cli/text.c)
target_link_libraries(lt PRIVATE lt-options libtrace)
set_target_properties(lt PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

set(examples block-profile count-pull insn-logger many-inputs mem-watch syscall-filter syscall-tracer
    tables)
foreach(example ${examples})
    add_executable(${example} examples/${example}.c)
    target_link_libraries(${example} PRIVATE lt-options libtrace)
endforeach()
set_target_properties(${examples} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/examples)
