# libtrace.a and libtrace-emu.so.  The public names are those of src/libtrace.map.

set(library_sources
    src/block.c
    src/callbacks.c
    src/captures.c
    src/coverage.c
    src/compile.c
    src/compile-x86_64.c
    src/decode.c
    src/decode-guest.c
    src/decode-memory.c
    src/disasm.c
    src/drcov.c
    src/error.c
    src/flags.c
    src/guest.c
    src/in-process-run.c
    src/launch.c
    src/limit.c
    src/orphans.c
    src/memory.c
    src/modules.c
    src/program.c
    src/registers.c
    src/ring.c
    src/session.c
    src/slabs.c
    src/steps.c
    src/streams.c
    src/supervisor.c
    src/sync.c
    src/symbols.c
    src/syscall-text.c
    src/syscall-values.c
    src/syscalls.c
    src/view.c
    src/engine-blob.S)
set(library_packages PkgConfig::CAPSTONE PkgConfig::LIBELF Threads::Threads m)

set_source_files_properties(src/engine-blob.S PROPERTIES
    OBJECT_DEPENDS ${engine}
    COMPILE_DEFINITIONS LTI_ENGINE_FILE="${engine}")

# Numbers and names of system calls are QEMU's.
set(generated ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${generated}/syscalls-table.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
    COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER}
        ${CMAKE_SOURCE_DIR}/src/gen-syscalls.py ${engine_dir}/source
        ${generated}/syscalls-table.h
    DEPENDS engine ${engine_dir}/unpacked src/gen-syscalls.py
        src/uapi.py src/syscalls.def src/syscall-kinds.def
    COMMENT "Making the system call tables" VERBATIM)

add_library(lt-objects OBJECT ${library_sources} ${generated}/syscalls-table.h)
target_include_directories(lt-objects PRIVATE ${generated})
add_dependencies(lt-objects engine)
set_target_properties(lt-objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_compile_options(lt-objects PRIVATE -ffunction-sections -fdata-sections)
target_link_libraries(lt-objects PRIVATE lt-options ${library_packages})

# The in-process mode, which only those link who refer to it.
add_library(lt-inside OBJECT src/in-process.c src/inside-signals.c)
add_dependencies(lt-inside engine)
set_target_properties(lt-inside PROPERTIES POSITION_INDEPENDENT_CODE ON)
target_compile_options(lt-inside PRIVATE -ffunction-sections -fdata-sections)
target_link_libraries(lt-inside PRIVATE lt-options ${library_packages})
set(inside_objects $<TARGET_OBJECTS:lt-inside> ${engine_inside})
set_source_files_properties(${engine_inside} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

# What the unit tests link: the library with its internal names.
add_library(lt-internal STATIC EXCLUDE_FROM_ALL $<TARGET_OBJECTS:lt-objects>)
target_link_libraries(lt-internal PUBLIC lt-options ${library_packages})

set(map ${CMAKE_SOURCE_DIR}/src/libtrace.map)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${map})
file(STRINGS ${map} public_names REGEX "^ *lt_[a-z0-9_]+;$")
list(TRANSFORM public_names REPLACE "[ ;]" "")
string(REPLACE ";" "\n" public_names "${public_names}")
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/public-names CONTENT "${public_names}\n")

# The archive's members are all objects linked into one, in which only the public names
# are left global, and the same of the in-process mode, which goes through one more
# name.
set(archive ${CMAKE_BINARY_DIR}/libtrace.a)
add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_LINKER} -r -o libtrace.o $<TARGET_OBJECTS:lt-objects>
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=public-names
        --keep-global-symbol=lti_session_create_inside libtrace.o
    COMMAND ${CMAKE_LINKER} -r -o in-process.o ${inside_objects}
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=public-names in-process.o
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} rcs ${archive} libtrace.o in-process.o
    COMMAND ${CMAKE_COMMAND} -E rm -f libtrace.o in-process.o
    DEPENDS lt-objects $<TARGET_OBJECTS:lt-objects> ${CMAKE_BINARY_DIR}/public-names
        lt-inside ${inside_objects}
    WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
    COMMENT "Linking libtrace.a"
    COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(archive ALL DEPENDS ${archive})

# What our own programs, examples and tests link.
add_library(libtrace STATIC IMPORTED GLOBAL)
add_dependencies(libtrace archive)
set_target_properties(libtrace PROPERTIES IMPORTED_LOCATION ${archive})
target_include_directories(libtrace INTERFACE include)
target_link_libraries(libtrace INTERFACE ${library_packages})

add_library(libtrace-shared SHARED $<TARGET_OBJECTS:lt-objects> ${inside_objects})
add_dependencies(libtrace-shared engine)
target_link_libraries(libtrace-shared PRIVATE ${library_packages})
target_link_options(libtrace-shared PRIVATE
    -Wl,--version-script=${map} -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections)
set_target_properties(libtrace-shared PROPERTIES
    OUTPUT_NAME trace-emu
    VERSION ${PROJECT_VERSION}
    SOVERSION 0
    LINK_DEPENDS ${map}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
