# OpenCV's modules as targets, each from its own Debian package: OpenCV's own configuration wants all modules installed.
find_path(OPENCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
mark_as_advanced(OPENCV_INCLUDE_DIR)
foreach(_module core imgproc)
    find_library(OPENCV_${_module}_LIBRARY opencv_${_module} REQUIRED)
    mark_as_advanced(OPENCV_${_module}_LIBRARY)
    add_library(opencv_${_module} SHARED IMPORTED)
    set_target_properties(opencv_${_module} PROPERTIES IMPORTED_LOCATION ${OPENCV_${_module}_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${OPENCV_INCLUDE_DIR})
endforeach()
