#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "reverie/core/device.h"
#include "reverie/core/noise.h"
#include "reverie/techniques/vae.h"

namespace reverie {

double beta_at(const VaeOptions& options, std::int64_t step, std::int64_t total) {
    const double done = total > 0 ? static_cast<double>(step) / static_cast<double>(total) : 1.0;
    if (options.kl_cycles > 0) {
        const double cycles = done * static_cast<double>(options.kl_cycles);
        return options.beta * std::min(1.0, 2.0 * (cycles - std::floor(cycles)));
    }
    return options.kl_warmup > 0.0 ? options.beta * std::min(1.0, done / options.kl_warmup) : options.beta;
}

Tensor kl_per_dimension(const Posterior& posterior) {
    const Tensor& lv = posterior.log_variance;
    return 0.5 * (posterior.mean.square() + (at::expm1(lv) - lv)).flatten(1);
}

Tensor binarized(const Tensor& images, const Tensor& indices) {
    constexpr std::uint64_t kSeed = 0;
    constexpr std::uint64_t kStream = 0x62696e61;
    const Tensor rows = indices.to(at::kCPU, at::kLong).contiguous();
    std::vector<Tensor> thresholds;
    for (std::int64_t i = 0; i < images.size(0); ++i) {
        const std::int64_t index = rows.const_data_ptr<std::int64_t>()[i];
        thresholds.push_back(uniform_noise(kSeed, kStream, index, 1, images[0].sizes().vec()));
    }
    return (on_device(at::cat(thresholds), images.device()) < images).to(at::kFloat);
}

}  // namespace reverie
