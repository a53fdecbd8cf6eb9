// Pictures with structure of every size, as photos have it.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "reverie/image/resample.h"

namespace reverie::test {

/// [3,H,W] in [0,1]: octaves of noise whose strength falls with their frequency, around a colour of the seed's own.
inline Tensor textured_picture(std::uint64_t seed, Size size) {
    const at::Generator generator = at::detail::createCPUGenerator(seed);
    Tensor sum = at::rand({3, 1, 1}, generator).mul(0.5).add(0.25).expand({3, size.height, size.width}).contiguous();
    for (std::int64_t cells = 2; cells <= size.width / 2; cells *= 2) {
        const Tensor noise = at::rand({3, cells, cells}, generator).sub(0.5).mul(0.9 / std::sqrt(double(cells)));
        sum = sum + resize(noise, Size{size.height, size.width}, Resample::Bicubic);
    }
    return sum.clamp(0, 1);
}

/// A view of `size` into a larger picture from (y, x) on, between pixels too.
inline Tensor view_of(const Tensor& picture, Size size, double y, double x) {
    const auto top = static_cast<std::int64_t>(std::floor(y));
    const auto left = static_cast<std::int64_t>(std::floor(x));
    const double down = y - static_cast<double>(top);
    const double right = x - static_cast<double>(left);
    const auto part = [&](std::int64_t dy, std::int64_t dx) {
        return picture.narrow(1, top + dy, size.height).narrow(2, left + dx, size.width);
    };
    return (part(0, 0) * ((1 - down) * (1 - right)) + part(0, 1) * ((1 - down) * right) +
            part(1, 0) * (down * (1 - right)) + part(1, 1) * (down * right))
        .contiguous();
}

}  // namespace reverie::test
