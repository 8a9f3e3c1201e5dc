# The library, and how everything is compiled. A file's place and name say what it is, nothing has to be listed anywhere:
#
#   ROOM/x.c            belongs to the library (rooms: src/*, port, transport, controller, air)
#   ROOM/x_test.c       a cmocka program and a test           (amble_tests.cmake)
#   ROOM/x_fuzz.c       a libFuzzer target, with clang        (amble_fuzz.cmake)
#   cli/, examples/, bench/, multitests/, interop/            (amble_programs.cmake, amble_tests.cmake)
#
# A project that does add_subdirectory(amble) gets the target `amble` and nothing else.
option(AMBLE_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(AMBLE_UCONTEXT "Switch stacks with ucontext even where there is a faster way" OFF)
option(AMBLE_FUZZ "Build the fuzz targets; needs clang" OFF)
option(AMBLE_HABITS "Register the tests that look at the source: format, includes, lengths, size" ON)
option(AMBLE_WERROR "A warning is an error" ${PROJECT_IS_TOP_LEVEL})
if(PROJECT_IS_TOP_LEVEL AND NOT AMBLE_SANITIZE AND NOT AMBLE_FUZZ)
  set(both ON)
else()
  set(both OFF)
endif()
option(AMBLE_SHARED "Make the shared library beside the static one" ${both})
set(AMBLE_VARIANT "" CACHE STRING "Put before the name of every test, so that several builds can be tested as one")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(USB IMPORTED_TARGET libusb-1.0) # without it there is no usb: transport
find_library(MBEDCRYPTO mbedcrypto REQUIRED)

# --- flags of everything in here ---------------------------------------------------------------------------------------
add_library(amble_flags INTERFACE)
target_compile_options(amble_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${AMBLE_WERROR}>:-Werror>)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # gcc 12 takes the refusing branch of an inlined amble__write_* for the writing one. AddressSanitizer watches the same writes.
  target_compile_options(amble_flags INTERFACE -Wno-stringop-overflow)
endif()
target_compile_definitions(amble_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
if(USB_FOUND)
  target_compile_definitions(amble_flags INTERFACE AMBLE_HAVE_LIBUSB)
  target_link_libraries(amble_flags INTERFACE PkgConfig::USB)
endif()
if(AMBLE_SANITIZE OR AMBLE_FUZZ)
  target_compile_options(amble_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                                               -fno-omit-frame-pointer)
  target_link_options(amble_flags INTERFACE -fsanitize=address,undefined)
endif()
if(AMBLE_FUZZ)
  target_compile_options(amble_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(AMBLE_UCONTEXT)
  target_compile_definitions(amble_flags INTERFACE AMBLE__UCONTEXT)
endif()

# --- the library: static and shared, or, inside another project, what BUILD_SHARED_LIBS says ------------------------------
file(GLOB AMBLE_SOURCES CONFIGURE_DEPENDS src/*/*.c port/*.c transport/*.c controller/*.c air/*.c)
set(AMBLE_TESTS ${AMBLE_SOURCES})
set(AMBLE_FUZZERS ${AMBLE_SOURCES})
list(FILTER AMBLE_SOURCES EXCLUDE REGEX "_(test|fuzz)\\.c$|/loop_epoll\\.c$") # that one takes the place of loop_uv.c: tools/portability
list(FILTER AMBLE_TESTS INCLUDE REGEX "_test\\.c$")
list(FILTER AMBLE_FUZZERS INCLUDE REGEX "_fuzz\\.c$")

set(AMBLE_NEEDS PkgConfig::UV PkgConfig::CJSON ${MBEDCRYPTO} Threads::Threads m)
if(USB_FOUND)
  list(APPEND AMBLE_NEEDS PkgConfig::USB)
  string(JOIN " " AMBLE_PC_USB "" ${USB_LDFLAGS}) # by name it would want all that a static libusb is made of
endif()

# While the first number of the version is 0, programs and library have to agree in the second, too.
configure_file(${PROJECT_SOURCE_DIR}/cmake/amble.map.in ${PROJECT_BINARY_DIR}/amble.map @ONLY)
function(amble_make_shared target)
  set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION}
                                             SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(NOT APPLE) # programs see amble_..., but not the amble__... of other rooms
    target_link_options(${target} PRIVATE "LINKER:--version-script=${PROJECT_BINARY_DIR}/amble.map")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${PROJECT_BINARY_DIR}/amble.map)
  endif()
endfunction()

if(AMBLE_SHARED)
  # Compiled once for both. Together these flags cost the static library less than one instruction in 500, where
  # position-independent code alone costs one in 70: the scheduler is found through a thread-local variable.
  add_library(amble STATIC ${AMBLE_SOURCES})
  set_target_properties(amble PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_options(amble PRIVATE -fno-semantic-interposition -ftls-model=initial-exec)
  add_library(amble_shared SHARED $<TARGET_OBJECTS:amble>)
  set_target_properties(amble_shared PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME amble EXPORT_NAME shared)
  target_include_directories(amble_shared INTERFACE $<INSTALL_INTERFACE:include>)
  target_link_libraries(amble_shared PRIVATE $<BUILD_INTERFACE:amble_flags> ${AMBLE_NEEDS})
  amble_make_shared(amble_shared)
else()
  add_library(amble ${AMBLE_SOURCES})
  if(BUILD_SHARED_LIBS AND NOT PROJECT_IS_TOP_LEVEL) # this project's own tests look inside
    amble_make_shared(amble)
  endif()
endif()
add_library(amble::amble ALIAS amble)
target_include_directories(
  amble PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
  PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(amble PRIVATE $<BUILD_INTERFACE:amble_flags> ${AMBLE_NEEDS})

# Lets a target of this project see the rooms from inside, as the library itself does.
function(amble_see_inside target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE amble amble_flags PkgConfig::UV PkgConfig::CJSON)
endfunction()
