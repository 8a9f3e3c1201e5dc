# Tests.
#
#   ROOM/x_test.c             test ROOM/x_test: a unit beside its source
#   cli/x_test.c              linked to the parts of the tool
#   examples/x_test.c         linked to the board of the examples
#   multitests/x_test.c       several devices on one radio; multitests/*.c without _test is linked to all of them
#   interop/x_test.c, .py     with foreign stacks; Python runs in build/venv
#
# A test that misses something on this machine ends with 77 and counts as skipped, but under CI=true as failed. Every test
# finds the source tree and the programs through AMBLE_SOURCE_DIR and AMBLE_BINARY_DIR (macros in C, environment in Python).
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# Registers one test under the variant's name.
function(amble_add_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "COMMAND;ENVIRONMENT;LABELS" ${ARGN})
  set(full "${AMBLE_VARIANT}${name}")
  add_test(NAME ${full} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
  if(NOT ARG_TIMEOUT) # tells late from never on a busy machine; what takes so long has limits of its own, and says where it hangs
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(
    ${full} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" ENVIRONMENT
                       "AMBLE_SOURCE_DIR=${PROJECT_SOURCE_DIR};AMBLE_BINARY_DIR=${PROJECT_BINARY_DIR};${ARG_ENVIRONMENT}")
  if(ARG_SERIAL)
    set_tests_properties(${full} PROPERTIES RUN_SERIAL ON)
  endif()
  if(NOT "$ENV{CI}" STREQUAL "true")
    set_tests_properties(${full} PROPERTIES SKIP_RETURN_CODE 77)
  endif()
endfunction()

# Builds a cmocka program; further arguments are linked before the library.
function(amble_test_program target source)
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_link_libraries(${target} PRIVATE ${ARGN})
  amble_see_inside(${target})
  target_link_libraries(${target} PRIVATE PkgConfig::CMOCKA m)
  target_compile_definitions(${target} PRIVATE AMBLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                               AMBLE_BINARY_DIR="${PROJECT_BINARY_DIR}")
endfunction()

file(GLOB cli_tests CONFIGURE_DEPENDS cli/*_test.c)
file(GLOB example_tests CONFIGURE_DEPENDS examples/*_test.c)
file(GLOB interop_tests CONFIGURE_DEPENDS interop/*_test.c)
file(GLOB interop_scripts CONFIGURE_DEPENDS interop/*_test.py)
file(GLOB multitests CONFIGURE_DEPENDS multitests/*_test.c)
file(GLOB multitest_parts CONFIGURE_DEPENDS multitests/*.c)
list(FILTER multitest_parts EXCLUDE REGEX "_(test|fuzz)\\.c$")
if(multitest_parts)
  add_library(amble_multitest_parts STATIC ${multitest_parts})
  amble_see_inside(amble_multitest_parts)
  target_link_libraries(amble_multitest_parts PRIVATE PkgConfig::CMOCKA)
  target_compile_definitions(amble_multitest_parts PRIVATE AMBLE_BINARY_DIR="${PROJECT_BINARY_DIR}")
endif()

foreach(source ${AMBLE_TESTS} ${cli_tests} ${example_tests} ${multitests} ${interop_tests})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(room ${source} DIRECTORY)
  get_filename_component(room ${room} NAME)
  set(parts "")
  if(room STREQUAL "cli" AND TARGET amble_cli_parts)
    set(parts amble_cli_parts)
  elseif(room STREQUAL "examples" AND TARGET amble_board)
    set(parts amble_board)
  elseif(room STREQUAL "multitests" AND TARGET amble_multitest_parts)
    set(parts amble_multitest_parts)
  endif()
  amble_test_program(${room}_${name} ${source} ${parts})
  amble_add_test(${room}/${name} COMMAND ${room}_${name} LABELS ${room} TIMEOUT 600) # AMBLE_LONG takes its time
endforeach()

# Foreign stacks run in real time, and what clang could find with them gcc finds: two builds are enough.
if(AMBLE_FUZZ)
  set(interop_scripts "")
endif()
foreach(script ${interop_scripts})
  get_filename_component(name ${script} NAME_WE)
  set(limit 300)
  if(name STREQUAL "trouble_test") # needs a peer that only ./check --long builds, and some minutes
    if(NOT "$ENV{AMBLE_LONG}" STREQUAL "1")
      continue()
    endif()
    set(limit 900)
  endif()
  amble_add_test(
    interop/${name} COMMAND ${PROJECT_SOURCE_DIR}/tools/run_python ${script} LABELS interop TIMEOUT ${limit}
    ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
endforeach()

# The demonstration runs by itself: two boards, a loss of power, the link that comes back.
if(TARGET example_demo)
  amble_add_test(examples/demo COMMAND ${PROJECT_SOURCE_DIR}/tools/check_demo $<TARGET_FILE:example_demo> LABELS examples)
  amble_add_test(
    examples/demo_terminal COMMAND ${PROJECT_SOURCE_DIR}/tools/check_demo_terminal $<TARGET_FILE:example_demo>
    LABELS examples)
endif()

# The tasks once more in two other ways: on ucontext and the loop without libuv, and watched by Valgrind (with fewer tasks: it is slow).
file(GLOB task_tests CONFIGURE_DEPENDS src/task/*_test.c)
if(AMBLE_HABITS AND task_tests)
  file(GLOB ucontext_sources CONFIGURE_DEPENDS src/core/*.c src/task/*.c port/*.c)
  list(FILTER ucontext_sources EXCLUDE REGEX "_(test|fuzz)\\.c$|/loop_uv\\.c$")
  add_library(amble_ucontext STATIC ${ucontext_sources})
  target_compile_definitions(amble_ucontext PRIVATE AMBLE__UCONTEXT)
  amble_see_inside(amble_ucontext)
  find_program(VALGRIND valgrind)
  foreach(source ${task_tests})
    get_filename_component(name ${source} NAME_WE)
    amble_test_program(ucontext_${name} ${source} amble_ucontext)
    target_compile_definitions(ucontext_${name} PRIVATE AMBLE__UCONTEXT)
    amble_add_test(ucontext/${name} COMMAND ucontext_${name} LABELS task)
    if(VALGRIND)
      amble_add_test(
        valgrind/${name} COMMAND ${VALGRIND} --quiet --error-exitcode=9 --leak-check=full $<TARGET_FILE:task_${name}>
        LABELS task TIMEOUT 600 ENVIRONMENT "AMBLE_TEST_TASKS=200")
    endif()
  endforeach()
endif()
