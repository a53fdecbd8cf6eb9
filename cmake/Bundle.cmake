# REVERIE_BUNDLE: LibTorch's shared libraries are installed too, below lib/reverie and in the wheel's own layout (torch/lib
# beside nvidia/*/lib), because that is how their own run paths find each other. Everything else that programs need at
# run time comes from Debian.
set(_reverie_bundle ${CMAKE_INSTALL_LIBDIR}/reverie)
cmake_path(GET REVERIE_TORCH_ROOT PARENT_PATH _reverie_wheels)

# All of them but those that serve Python: whatever CUDA part is there comes along.
file(GLOB _reverie_libraries ${REVERIE_TORCH_ROOT}/lib/*.so ${REVERIE_TORCH_ROOT}/lib/*.so.*)
list(FILTER _reverie_libraries EXCLUDE REGEX "/lib(torch_python|torch_global_deps|shm|shm_windows)\\.so")
install(FILES ${_reverie_libraries} DESTINATION ${_reverie_bundle}/torch/lib)

# Without CUDA's half of LibTorch only these two are needed: libtorch_cpu.so of a CUDA wheel is linked to them.
set(_reverie_nvidia libcudart.so* libcupti.so*)
if(EXISTS ${REVERIE_TORCH_LIBRARIES}/libtorch_cuda.so)
    set(_reverie_nvidia *.so*)
endif()
foreach(_reverie_pattern ${_reverie_nvidia})
    file(GLOB _reverie_libraries RELATIVE ${_reverie_wheels} ${_reverie_wheels}/nvidia/*/lib/${_reverie_pattern})
    foreach(_reverie_library ${_reverie_libraries})
        cmake_path(GET _reverie_library PARENT_PATH _reverie_folder)
        install(FILES ${_reverie_wheels}/${_reverie_library} DESTINATION ${_reverie_bundle}/${_reverie_folder})
    endforeach()
endforeach()

# The licences: beside the libraries in a zip, in the wheels' metadata beside torch/ otherwise.
file(GLOB _reverie_licences ${REVERIE_TORCH_ROOT}/LICENSE* ${REVERIE_TORCH_ROOT}/NOTICE*)
install(FILES ${_reverie_licences} DESTINATION share/doc/reverie/torch)
file(GLOB _reverie_metadata ${_reverie_wheels}/torch-*.dist-info ${_reverie_wheels}/nvidia_*.dist-info)
foreach(_reverie_folder ${_reverie_metadata})
    cmake_path(GET _reverie_folder FILENAME _reverie_wheel)
    install(DIRECTORY ${_reverie_folder}/ DESTINATION share/doc/reverie/${_reverie_wheel} FILES_MATCHING
        PATTERN "licenses/*" PATTERN "[Ll][Ii][Cc][Ee][Nn][Ss][Ee]*" PATTERN "NOTICE*")
endforeach()
if(NOT _reverie_licences AND NOT _reverie_metadata)
    message(WARNING "LibTorch's licence is neither in ${REVERIE_TORCH_ROOT} nor in ${_reverie_wheels}/torch-*.dist-info: "
                    "add it to the installed folder before you pass that on")
endif()
