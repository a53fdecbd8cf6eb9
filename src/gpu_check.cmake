# The core of the library as tools/test --gpu builds it: without any package but LibTorch. Whole rooms that need none, and
# of the others what these need. A function that still reads weights or writes a report is used by nothing there: the
# linker drops it, and with it what it would want.
add_library(reverie_core STATIC)
add_library(reverie::core ALIAS reverie_core)
target_include_directories(reverie_core PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(reverie_core PUBLIC reverie::torch PRIVATE reverie_warnings ${CMAKE_DL_LIBS})
target_compile_options(reverie_core PRIVATE -ffunction-sections -fdata-sections)
target_link_options(reverie_core INTERFACE LINKER:--gc-sections)
if(REVERIE_PCH)
    target_precompile_headers(reverie_core PRIVATE <ATen/ATen.h> <filesystem> <functional> <map> <optional> <span> <string> <vector>)
endif()

foreach(room core kernels nn models optimize metrics techniques)
    add_subdirectory(${room})
endforeach()
target_sources(reverie_core PRIVATE
    data/batches.cpp data/dataset.cpp data/random_file.cpp data/shuffle.cpp
    distributed/ranks.cpp
    image/color.cpp image/color_match.cpp image/picture.cpp image/resample.cpp image/resample_axis.cpp
    output/grid.cpp
    train/copy_tensors.cpp train/gradients.cpp train/interval_log.cpp train/optimizer.cpp train/phase_gradients.cpp train/run_weights.cpp
    train/schedule.cpp train/stepper.cpp train/train_options.cpp train/weight_average.cpp
    weights/contents.cpp weights/state_dict.cpp)
