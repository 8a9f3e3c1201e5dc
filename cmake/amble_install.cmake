# `cmake --install build`: the headers, the library, the tool, and what pkg-config and find_package(amble) need to find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/amble)

# Three components, which become the Debian packages of amble_package.cmake: lib (shared library), dev, tool.
install(TARGETS amble EXPORT amble-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lib NAMELINK_COMPONENT dev)
if(TARGET amble_shared)
  install(TARGETS amble_shared EXPORT amble-targets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT lib NAMELINK_COMPONENT dev)
endif()
if(TARGET amble_cli)
  install(TARGETS amble_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
endif()
if(AMBLE_DOCUMENTATION)
  install(DIRECTORY ${AMBLE_DOCUMENTATION}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT tool)
  install(FILES ${AMBLE_DOCUMENTATION}/completions/amble
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT tool)
endif()
install(DIRECTORY include/amble DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev FILES_MATCHING PATTERN "*.h")
file(GLOB umbrella include/*.h)
install(FILES ${umbrella} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

file(RELATIVE_PATH AMBLE_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/amble.pc.in amble.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/amble.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

install(EXPORT amble-targets NAMESPACE amble:: DESTINATION ${package_dir} COMPONENT dev)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/amble-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/amble-config.cmake ${PROJECT_BINARY_DIR}/amble-config-version.cmake
        DESTINATION ${package_dir} COMPONENT dev)
include(amble_package)
