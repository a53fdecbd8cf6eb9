#include "reverie/optimize/noise_image.h"

#include <ATen/ATen.h>

#include "optimize/spectrum.h"
#include "reverie/core/noise.h"
#include "reverie/core/parallel.h"
#include "reverie/core/random.h"

namespace reverie {

Tensor white_noise_image(Size size, double amplitude, std::uint64_t seed) {
    Tensor image = at::empty({3, size.height, size.width});
    auto* values = image.data_ptr<float>();
    for (std::int64_t i = 0; i < image.numel(); ++i) {
        const double u = random_uniform(seed, 0, static_cast<std::uint64_t>(i));
        values[i] = static_cast<float>(0.5 + amplitude * (u - 0.5));
    }
    return image;
}

Tensor natural_noise_image(Size size, double contrast, std::uint64_t seed) {
    // Of photographs with 384 pixels on the longest side, in orthonormal spectra; as they look the same at any size, so
    // do their magnitudes.
    constexpr double kFall = -1.25;
    const Tensor planes = at::tensor({0.13, 0.15, 0.16}, at::kFloat).view({3, 1, 1});
    const KernelThreads threads;
    const Tensor white = normal_noise(seed, stream_of("natural noise"), 0, 1, {3, size.height, size.width}).squeeze(0);
    Tensor spectrum = fourier(white);
    spectrum.div_(spectrum.abs().clamp_min_(1e-12));  // phases alone: those of a real plane
    Tensor fall = frequencies(size, lowest_frequency(size)).pow_(kFall);
    fall[0][0] = 0.0;  // grey as a whole
    spectrum.mul_(fall.to(at::kFloat)).mul_(planes * contrast);
    return mixed(tensor_of(color_directions()).to(at::kFloat), inverse_fourier(spectrum, size)).sigmoid_();
}

}  // namespace reverie
