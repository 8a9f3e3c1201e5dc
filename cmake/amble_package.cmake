# Debian packages: `cpack -G DEB -B OUTPUT --config build/CPackConfig.cmake` after a build.
#
#   libamble0.1     the shared library
#   libamble-dev    headers, both libraries, what pkg-config and find_package(amble) need
#   amble           the tool
set(abi ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR amble)
set(AMBLE_MAINTAINER "the amble authors <amble@localhost>" CACHE STRING "Who answers for the Debian packages: NAME <ADDRESS>")
set(CPACK_PACKAGE_CONTACT "${AMBLE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL lib dev tool)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # the libraries that a program or library was linked to
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(CPACK_DEBIAN_LIB_PACKAGE_NAME libamble${abi})
set(CPACK_DEBIAN_LIB_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_LIB_DESCRIPTION "${PROJECT_DESCRIPTION}: shared library")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libamble-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libamble${abi} (= ${PROJECT_VERSION}), libuv1-dev, libcjson-dev, libmbedtls-dev")
if(USB_FOUND)
  string(APPEND CPACK_DEBIAN_DEV_PACKAGE_DEPENDS ", libusb-1.0-0-dev")
endif()
set(CPACK_COMPONENT_DEV_DESCRIPTION "${PROJECT_DESCRIPTION}: headers and libraries")
set(CPACK_DEBIAN_TOOL_PACKAGE_NAME amble)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION comm)
set(CPACK_COMPONENT_TOOL_DESCRIPTION "${PROJECT_DESCRIPTION}: the tool")

# What Debian asks for beside the files: whose they are, the changes, both with the pages of the manual compressed.
configure_file(cmake/debian_changelog.in debian_changelog @ONLY)
foreach(component lib dev tool)
  string(TOUPPER ${component} upper)
  set(folder share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  install(FILES cmake/debian_copyright DESTINATION ${folder} RENAME copyright COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES ${PROJECT_BINARY_DIR}/debian_changelog DESTINATION ${folder} RENAME changelog COMPONENT ${component}
          EXCLUDE_FROM_ALL)
endforeach()
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian_compress.cmake)
include(CPack)
