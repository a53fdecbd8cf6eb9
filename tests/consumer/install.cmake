# cmake -DBUILD=folder -DCONFIG=Release -DPREFIX=folder -P install.cmake: installs elsewhere and moves the result to PREFIX.
set(first ${PREFIX}.first)
file(REMOVE_RECURSE ${first} ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${first} OUTPUT_QUIET
    COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${first} ${PREFIX})
