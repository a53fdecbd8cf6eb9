#include "optimize/spectrum.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <vector>

namespace reverie {

namespace {

constexpr const char* kOrthonormal = "ortho";
constexpr std::array<std::int64_t, 2> kAxes = {1, 2};

}  // namespace

Tensor fourier(const Tensor& planes) { return at::fft_rfft2(planes, std::nullopt, kAxes, kOrthonormal); }

Tensor inverse_fourier(const Tensor& spectrum, Size size) {
    const std::array<std::int64_t, 2> sides = {size.height, size.width};
    return at::fft_irfft2(spectrum, at::IntArrayRef(sides), kAxes, kOrthonormal);
}

Tensor frequencies(Size size, double least) {
    const Tensor down = at::fft_fftfreq(size.height, 1.0, at::kDouble).unsqueeze(1);
    const Tensor right = at::fft_rfftfreq(size.width, 1.0, at::kDouble).unsqueeze(0);
    return (down.square() + right.square()).sqrt_().clamp_min_(least);
}

double lowest_frequency(Size size) { return 1.0 / static_cast<double>(std::max(size.height, size.width)); }

Tensor tensor_of(const ColorMatrix& matrix) {
    std::vector<double> flat;
    for (const auto& row : matrix) {
        flat.insert(flat.end(), row.begin(), row.end());
    }
    return at::tensor(flat, at::kDouble).view({3, 3});
}

Tensor mixed(const Tensor& matrix, const Tensor& planes) { return at::mm(matrix, planes.flatten(1)).view_as(planes); }

}  // namespace reverie
