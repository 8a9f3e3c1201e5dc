# Fuzz targets, with -DAMBLE_FUZZ=ON and clang (the preset `clang` has both).
#
# ROOM/x_fuzz.c becomes the program build/clang/fuzz/ROOM_x and the test fuzz/ROOM_x, which runs for AMBLE_FUZZ_SECONDS. It starts from
# the committed corpus in fuzz/ROOM_x/, if there is one. What it finds on the way stays in the build folder: new inputs in
# fuzz/corpus/ROOM_x/, an input that fails as fuzz/found/ROOM_x-crash-...; run the program with that file to see it again.
if(NOT AMBLE_FUZZ)
  return()
endif()
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "AMBLE_FUZZ needs clang: libFuzzer comes with it")
endif()
set(AMBLE_FUZZ_SECONDS 5 CACHE STRING "How long each fuzz target runs as a test")
math(EXPR fuzz_timeout "${AMBLE_FUZZ_SECONDS} * 3 + 120") # tells late from never
# A short run begins with the same dice everywhere, so that it says the same of the same source; a long one explores.
set(fuzz_dice "")
if(AMBLE_FUZZ_SECONDS LESS 30)
  set(fuzz_dice -seed=1)
endif()

file(GLOB cli_fuzzers CONFIGURE_DEPENDS cli/*_fuzz.c multitests/*_fuzz.c)
foreach(source ${AMBLE_FUZZERS} ${cli_fuzzers})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(room ${source} DIRECTORY)
  get_filename_component(room ${room} NAME)
  string(REGEX REPLACE "_fuzz$" "" name ${room}_${name})
  set(target fuzz_${name})
  set(found ${PROJECT_BINARY_DIR}/fuzz/corpus/${name})
  set(committed ${PROJECT_SOURCE_DIR}/fuzz/${name})
  file(MAKE_DIRECTORY ${found} ${PROJECT_BINARY_DIR}/fuzz/found)
  if(NOT EXISTS ${committed})
    set(committed "")
  endif()

  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  if(room STREQUAL "cli" AND TARGET amble_cli_parts)
    target_link_libraries(${target} PRIVATE amble_cli_parts)
  elseif(room STREQUAL "multitests" AND TARGET amble_multitest_parts)
    target_link_libraries(${target} PRIVATE amble_multitest_parts)
  endif()
  amble_see_inside(${target})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  amble_add_test(
    fuzz/${name} COMMAND ${target} -max_total_time=${AMBLE_FUZZ_SECONDS} ${fuzz_dice} -timeout=60 -verbosity=0 -print_final_stats=1
                         -artifact_prefix=${PROJECT_BINARY_DIR}/fuzz/found/${name}- ${found} ${committed}
    TIMEOUT ${fuzz_timeout} LABELS fuzz)
endforeach()
