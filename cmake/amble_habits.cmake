# Tests that look at the source instead of running it. Each is a script in tools/ that can be run by hand from anywhere.
function(amble_habit name)
  amble_add_test(habits/${name} COMMAND ${PROJECT_SOURCE_DIR}/tools/check_${name} LABELS habits TIMEOUT 600 ${ARGN})
endfunction()

amble_habit(format)   # clang-format has nothing to change
amble_habit(includes) # arrows between rooms point down: tools/include_table.txt
amble_habit(style)    # lengths of files and functions, a paragraph on top, nothing left for later
amble_habit(headers)  # each public header compiles alone, as C11 and as C++17
amble_habit(tidy)     # clang-tidy; remembers what it saw in build/tidy
amble_habit(arm_size) # compiles for a Cortex-M4 and fits
amble_habit(budgets)  # what each PDU costs, in instructions
amble_habit(cortex_m) # two hosts and their radio run on a Cortex-M4, tasks also as on a Cortex-M0, under qemu-system-arm
amble_habit(portability) # the tests of the library on 64-bit ARM, on 32 bits and big-endian, under qemu-user
amble_habit(install)  # an installed amble can be used through pkg-config and through CMake, static and shared
amble_habit(package)  # the Debian packages, unpacked, can be used in the same ways
amble_habit(snippets) # every C block of README.md and docs/from-aioble.md compiles
amble_habit(documentation) # the manual pages and the completion of bash do what they should
amble_habit(readme)   # README.md: from nothing to a peripheral that is seen
amble_habit(tutorial) # docs/tutorial.md: its commands run, and one sees what it says
