# What `cmake --install` puts where: the programs, the two libraries and their headers, the catalogue of pretrained nets,
# and what find_package(reverie) reads. The folder may be moved: inside it everything is found relative to $ORIGIN.
# LibTorch stays where this build found it, unless REVERIE_BUNDLE takes it along.
include(CMakePackageConfigHelpers)

get_property(_reverie_programs DIRECTORY ${PROJECT_SOURCE_DIR}/tools PROPERTY BUILDSYSTEM_TARGETS)
set(_reverie_package ${CMAKE_INSTALL_LIBDIR}/cmake/reverie)
file(RELATIVE_PATH _reverie_bin_to_lib /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})

if(REVERIE_BUNDLE)
    include(Bundle)
    set(_reverie_torch_of_library $ORIGIN/reverie/torch/lib)
    set(_reverie_torch_of_program $ORIGIN/${_reverie_bin_to_lib}/reverie/torch/lib)
else()
    set(_reverie_torch_of_library ${REVERIE_TORCH_LIBRARIES})
    set(_reverie_torch_of_program ${REVERIE_TORCH_LIBRARIES})
endif()
set_target_properties(reverie_core reverie_cli PROPERTIES INSTALL_RPATH "$ORIGIN;${_reverie_torch_of_library}")
set_target_properties(${_reverie_programs} PROPERTIES
    INSTALL_RPATH "$ORIGIN/${_reverie_bin_to_lib};${_reverie_torch_of_program}")

install(TARGETS ${_reverie_programs})
install(TARGETS reverie_core EXPORT reverie_core)
install(TARGETS reverie_cli EXPORT reverie_cli)
install(TARGETS reverie_film reverie_heif DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(_reverie_plugin reverie_mpi reverie_nccl)
    if(TARGET ${_reverie_plugin})
        install(TARGETS ${_reverie_plugin} DESTINATION ${CMAKE_INSTALL_LIBDIR})
    endif()
endforeach()
install(DIRECTORY include/reverie DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# share/ is spelled out, because the programs look for ../share/reverie/models.
install(FILES models/catalogue.json models/README.md models/paintings.safetensors DESTINATION share/reverie/models)
install(FILES LICENSE DESTINATION share/doc/reverie)
install(DIRECTORY examples DESTINATION share/doc/reverie)

# One export per component: whoever uses the core alone needs no CLI11.
foreach(component core cli)
    install(EXPORT reverie_${component} NAMESPACE reverie:: FILE ${component}.cmake DESTINATION ${_reverie_package})
endforeach()
configure_package_config_file(cmake/reverieConfig.cmake.in ${PROJECT_BINARY_DIR}/package/reverieConfig.cmake
    INSTALL_DESTINATION ${_reverie_package} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/reverieConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/reverieConfig.cmake ${PROJECT_BINARY_DIR}/package/reverieConfigVersion.cmake
    cmake/Torch.cmake DESTINATION ${_reverie_package})
