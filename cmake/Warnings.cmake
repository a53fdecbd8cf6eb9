# reverie_warnings: what our own code is compiled with; never exported.
add_library(reverie_warnings INTERFACE)
target_compile_options(reverie_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-unknown-pragmas
    # designated initialisers leave fields to their defaults on purpose
    -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # GCC 12 takes std::string's own growth for an overflow (bugs 105329, 105651 and kin)
    target_compile_options(reverie_warnings INTERFACE -Wno-stringop-overflow -Wno-restrict -Wno-array-bounds)
endif()
