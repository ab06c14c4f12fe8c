# What is installed, and the files by which pkg-config and CMake find it.  They
# know the prefix from their own place, so that the tree may be moved.
include(CMakePackageConfigHelpers)

# The archive has a directory of its own: Debian's other libtrace owns
# <libdir>/libtrace.a.
set(archive_dir ${CMAKE_INSTALL_LIBDIR}/libtrace-emu)

install(DIRECTORY include/lt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN *.h)
install(FILES ${archive} DESTINATION ${archive_dir})
install(TARGETS libtrace-shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS lt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# For hosts that forbid executing a memory file: lt_config.engine.
install(PROGRAMS ${engine} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/libtrace-emu)

file(RELATIVE_PATH prefix_from_pc
    /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(pc libtrace-emu libtrace-emu-shared)
    configure_file(${pc}.pc.in ${CMAKE_BINARY_DIR}/${pc}.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/${pc}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/libtrace-emu)
configure_package_config_file(cmake/libtrace-emu-config.cmake.in
    ${CMAKE_BINARY_DIR}/libtrace-emu-config.cmake
    INSTALL_DESTINATION ${package_dir}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR archive_dir
    NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/libtrace-emu-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/libtrace-emu-config.cmake
    ${CMAKE_BINARY_DIR}/libtrace-emu-config-version.cmake
    DESTINATION ${package_dir})
