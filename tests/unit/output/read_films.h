// Films taken apart by their formats' own decoders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie::test {

struct ReadFilm {
    std::vector<Tensor> frames;   ///< [3|4,H,W] in [0,1]
    std::vector<double> seconds;  ///< how long each is shown
    bool loops = false;
};

ReadFilm read_gif(const std::filesystem::path& path);
ReadFilm read_webp(const std::filesystem::path& path);
ReadFilm read_mp4(const std::filesystem::path& path);

}  // namespace reverie::test
