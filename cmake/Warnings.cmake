# reverie_warnings: what our own code is compiled with; never exported.
add_library(reverie_warnings INTERFACE)
target_compile_options(reverie_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-unknown-pragmas)
