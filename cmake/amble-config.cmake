# find_package(amble) gives the targets amble::amble, the static library, and amble::shared, the shared one.
include(CMakeFindDependencyMacro)
find_dependency(PkgConfig)
find_dependency(Threads)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(USB IMPORTED_TARGET libusb-1.0) # when this amble was built with it
include("${CMAKE_CURRENT_LIST_DIR}/amble-targets.cmake")
