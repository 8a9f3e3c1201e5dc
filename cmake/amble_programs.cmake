# Programs people run.
#
#   cli/*.c             the tool, build/amble; main() is in cli/main.c, so that the tests of cli/ can link the rest
#   examples/NAME.c     build/examples/NAME; sees the public headers only
#   examples/board*.c   linked to every example: the buttons, lights and sensors of a board
#   bench/NAME.c        build/bench/NAME; bench/common*.c is linked to every one of them

# Splits the .c files of a folder: `programs` get a main() of their own, `parts` match the pattern and are shared.
function(amble_folder folder parts_pattern programs parts)
  file(GLOB found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
  list(FILTER found EXCLUDE REGEX "_(test|fuzz)\\.c$")
  set(shared ${found})
  list(FILTER found EXCLUDE REGEX "/${parts_pattern}$")
  list(FILTER shared INCLUDE REGEX "/${parts_pattern}$")
  set(${programs} ${found} PARENT_SCOPE)
  set(${parts} ${shared} PARENT_SCOPE)
endfunction()

# --- the tool ------------------------------------------------------------------------------------------------------------
amble_folder(cli "main\\.c" cli_parts cli_main)
if(cli_parts)
  pkg_check_modules(EDIT IMPORTED_TARGET libedit) # for `amble shell`; without it lines are typed plainly
  add_library(amble_cli_parts STATIC ${cli_parts})
  if(EDIT_FOUND)
    target_link_libraries(amble_cli_parts PRIVATE PkgConfig::EDIT)
    target_compile_definitions(amble_cli_parts PRIVATE AMBLE_HAVE_LIBEDIT)
  endif()
  amble_see_inside(amble_cli_parts)
  target_compile_definitions(amble_cli_parts PRIVATE AMBLE_VERSION="${PROJECT_VERSION}")
endif()
if(cli_main)
  add_executable(amble_cli ${cli_main})
  set_target_properties(amble_cli PROPERTIES OUTPUT_NAME amble RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  if(cli_parts)
    target_link_libraries(amble_cli PRIVATE amble_cli_parts)
  endif()
  amble_see_inside(amble_cli)

  # Manual pages and completion, from the tables that the tool parses its arguments by.
  if(NOT CMAKE_CROSSCOMPILING)
    set(AMBLE_DOCUMENTATION ${PROJECT_BINARY_DIR}/documentation)
    add_custom_command(
      OUTPUT ${AMBLE_DOCUMENTATION}/completions/amble
      COMMAND ${CMAKE_COMMAND} -E rm -rf ${AMBLE_DOCUMENTATION}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${AMBLE_DOCUMENTATION}/man1 ${AMBLE_DOCUMENTATION}/completions
      COMMAND amble_cli documentation --man ${AMBLE_DOCUMENTATION}/man1
      COMMAND amble_cli documentation --bash > ${AMBLE_DOCUMENTATION}/completions/amble
      DEPENDS amble_cli
      COMMENT "Writing the tool's manual pages and completion")
    add_custom_target(amble_documentation ALL DEPENDS ${AMBLE_DOCUMENTATION}/completions/amble)
  endif()
endif()

# --- examples ------------------------------------------------------------------------------------------------------------
pkg_check_modules(GPIOD IMPORTED_TARGET libgpiod) # lines of a real board; the examples run without
amble_folder(examples "board[^/]*\\.c" example_programs board)
if(board)
  add_library(amble_board STATIC ${board})
  target_link_libraries(amble_board PRIVATE amble_flags PUBLIC amble)
  if(GPIOD_FOUND)
    target_link_libraries(amble_board PRIVATE PkgConfig::GPIOD)
    target_compile_definitions(amble_board PRIVATE AMBLE_HAVE_GPIOD)
  endif()
endif()
foreach(source ${example_programs})
  get_filename_component(name ${source} NAME_WE)
  add_executable(example_${name} ${source})
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
                                                   RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  if(board)
    target_link_libraries(example_${name} PRIVATE amble_board)
  endif()
  target_link_libraries(example_${name} PRIVATE amble amble_flags m)
endforeach()

# --- measurements --------------------------------------------------------------------------------------------------------
amble_folder(bench "common[^/]*\\.c" bench_programs bench_parts)
foreach(source ${bench_programs})
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} ${source} ${bench_parts})
  set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
                                                 RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  amble_see_inside(bench_${name})
endforeach()
