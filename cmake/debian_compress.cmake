# Compresses what Debian wants compressed, in the files that cpack has laid out for the packages. -n: no name and time in it, so that a
# package made again is the same.
file(GLOB_RECURSE texts "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.1" "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/changelog")
foreach(text ${texts})
  if(text MATCHES "/man1/[^/]*$|/changelog$")
    execute_process(COMMAND gzip -9n "${text}" COMMAND_ERROR_IS_FATAL ANY)
  endif()
endforeach()
