# reverie::torch: LibTorch as an imported target, from any unpacked LibTorch (the PyPI wheel, the official zip, a Python
# installation). Its own TorchConfig.cmake is not used: that of a CUDA build demands the CUDA toolkit even for CPU use.
# Only torch_cpu and c10 are linked; CUDA is opened at run time where its libraries are there.
if(TARGET reverie::torch)
    return()
endif()

if(NOT REVERIE_TORCH)
    # What tools/setup prepared: a link to the LibTorch it unpacked or was pointed at.
    if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
        set(_reverie_cache "$ENV{XDG_CACHE_HOME}/reverie")
    else()
        set(_reverie_cache "$ENV{HOME}/.cache/reverie")
    endif()
    set(_reverie_torch "${_reverie_cache}/libtorch")
else()
    set(_reverie_torch "${REVERIE_TORCH}")
endif()
set(REVERIE_TORCH "" CACHE PATH "An unpacked LibTorch >= 2.6 (the folder that holds include/ and lib/); empty: what tools/setup fetched")

get_filename_component(_reverie_torch "${_reverie_torch}" REALPATH)
if(NOT EXISTS "${_reverie_torch}/lib/libtorch_cpu.so" OR NOT EXISTS "${_reverie_torch}/include/ATen/ATen.h")
    message(FATAL_ERROR "No LibTorch in ${_reverie_torch} (wanted lib/libtorch_cpu.so and include/ATen/ATen.h there): "
                        "run tools/setup, or pass -DREVERIE_TORCH=DIR")
endif()

set(_reverie_version_file "${_reverie_torch}/include/torch/headeronly/version.h")
if(NOT EXISTS "${_reverie_version_file}")
    set(_reverie_version_file "${_reverie_torch}/include/torch/csrc/api/include/torch/version.h")
endif()
file(STRINGS "${_reverie_version_file}" _reverie_version_lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX MATCHALL "[0-9]+" _reverie_version_numbers "${_reverie_version_lines}")
list(JOIN _reverie_version_numbers "." REVERIE_TORCH_VERSION)
if(REVERIE_TORCH_VERSION VERSION_LESS 2.6)
    message(FATAL_ERROR "LibTorch ${REVERIE_TORCH_VERSION} in ${_reverie_torch} is too old (wanted 2.6 or newer): "
                        "run tools/setup for the pinned one, or pass another with -DREVERIE_TORCH=DIR")
endif()
message(STATUS "LibTorch ${REVERIE_TORCH_VERSION}: ${_reverie_torch}")
set(REVERIE_TORCH_ROOT "${_reverie_torch}")
set(REVERIE_TORCH_LIBRARIES "${_reverie_torch}/lib")

add_library(reverie::torch INTERFACE IMPORTED GLOBAL)
set_target_properties(reverie::torch PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_reverie_torch}/include;${_reverie_torch}/include/torch/csrc/api/include"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_reverie_torch}/include;${_reverie_torch}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "${_reverie_torch}/lib/libtorch_cpu.so;${_reverie_torch}/lib/libc10.so"
    # at::parallel_for is a header template around OpenMP; the library found at run time is the one LibTorch carries.
    INTERFACE_COMPILE_OPTIONS "-fopenmp"
    # libtorch_cpu.so of a CUDA wheel needs CUDA's run-time library, which it finds by its own run path when it is loaded.
    INTERFACE_LINK_OPTIONS "-fopenmp;LINKER:--allow-shlib-undefined"
    INTERFACE_COMPILE_FEATURES cxx_std_20)
