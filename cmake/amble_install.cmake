# `cmake --install build`: the headers, the library, the tool, and what pkg-config and find_package(amble) need to find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/amble)

install(TARGETS amble EXPORT amble-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET amble_cli)
  install(TARGETS amble_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY include/amble DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
file(GLOB umbrella include/*.h)
install(FILES ${umbrella} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

file(RELATIVE_PATH AMBLE_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/amble.pc.in amble.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/amble.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT amble-targets NAMESPACE amble:: DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/amble-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/amble-config.cmake ${PROJECT_BINARY_DIR}/amble-config-version.cmake DESTINATION ${package_dir})
