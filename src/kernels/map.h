// Private: maps as kernels read and write them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/kernels.h"

namespace reverie::kernels {

class Workspace;

/// A feature map in channels-last memory, or a slice of one's channels: pixel p of all images' lies at data + p *
/// stride.
struct Map {
    float* data = nullptr;
    std::int64_t stride = 0;  ///< floats from pixel to pixel
    std::int64_t batch = 1;
    std::int64_t height = 0;
    std::int64_t width = 0;
    int channels = 0;

    std::int64_t pixels() const { return batch * height * width; }
    float* at(std::int64_t pixel) const { return data + pixel * stride; }
};

/// A view [N,C,H,W] of a map.
at::Tensor tensor_of(const Map& map);

/// `finish` with its results going to a map.
Finish into(Finish finish, const Map& map);

/// `finish` of a map's pixels from `pixel` on.
Finish from_pixel(Finish finish, std::int64_t pixel);

/// `finish` of channels from `first` on, a multiple of 8.
Finish from_channel(Finish finish, std::int64_t first);

/// Pixel by pixel from one map to another of the same size, by way of `finish`.
void finish_map(const Map& from, const Map& to, const Finish& finish, const Kernels& kernels, Workspace& work);

}  // namespace reverie::kernels
