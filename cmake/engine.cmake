# The engine program, build/lt-engine, and the engines for a host's process,
# build/lt-inside.o: QEMU's source with our patches and files.
# The scripts in qemu/ do the work and decide what of it is left to do.

set(engine ${CMAKE_BINARY_DIR}/lt-engine)
set(engine_inside ${CMAKE_BINARY_DIR}/lt-inside.o)
set(engine_dir ${CMAKE_BINARY_DIR}/qemu)
set(LIBTRACE_QEMU_SOURCE "" CACHE FILEPATH
    "Archive of QEMU's source; the environment variable of this name goes first. Empty: fetch it.")

file(GLOB engine_sources CONFIGURE_DEPENDS
    qemu/lt-*.c qemu/lt-*.h qemu/lt-*.S qemu/world* qemu/patches/*)
list(APPEND engine_sources ${CMAKE_SOURCE_DIR}/src/stream.h ${CMAKE_SOURCE_DIR}/src/inside.h
    ${CMAKE_SOURCE_DIR}/qemu/PIN ${CMAKE_SOURCE_DIR}/qemu/wrap
    ${CMAKE_SOURCE_DIR}/qemu/common.sh ${CMAKE_SOURCE_DIR}/qemu/apt.sh
    ${CMAKE_SOURCE_DIR}/qemu/prepare ${CMAKE_SOURCE_DIR}/qemu/build
    ${CMAKE_SOURCE_DIR}/qemu/link)

# Looked at in each build, so that another archive takes effect; it takes no time
# when there is nothing to fetch, and changes the file `archive` only if need be.
add_custom_target(qemu-source
    COMMAND ${CMAKE_SOURCE_DIR}/cmake/with-source "${LIBTRACE_QEMU_SOURCE}"
        ${CMAKE_SOURCE_DIR}/qemu/fetch ${engine_dir}
    BYPRODUCTS ${engine_dir}/archive
    COMMENT "Looking for QEMU's source"
    USES_TERMINAL VERBATIM)

add_custom_command(OUTPUT ${engine} ${engine_inside}
    BYPRODUCTS ${engine_dir}/unpacked
    COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER}
        ${CMAKE_SOURCE_DIR}/qemu/build ${engine_dir} ${engine} ${engine_inside}
    DEPENDS qemu-source ${engine_dir}/archive ${engine_sources}
    COMMENT "Building the engine"
    USES_TERMINAL VERBATIM)
add_custom_target(engine DEPENDS ${engine} ${engine_inside})
