#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/train/optimizer.h"
#include "train/copy_tensors.h"

namespace reverie {

WeightAverage::WeightAverage(NamedTensors weights, double half_life_images)
    : weights_(std::move(weights)), half_life_(half_life_images) {
    for (const auto& [name, weight] : weights_) {
        mean_[name] = weight.detach().clone();
    }
}

void WeightAverage::update(std::int64_t step, std::int64_t batch) {
    const at::NoGradGuard no_grad;
    const auto now = static_cast<double>(step);
    const double keep = std::min(std::exp2(-static_cast<double>(batch) / half_life_), (1.0 + now) / (10.0 + now));
    std::vector<Tensor> means;
    std::vector<Tensor> weights;
    for (const auto& [name, weight] : weights_) {
        if (weight.is_floating_point()) {
            means.push_back(mean_.at(name));
            weights.push_back(weight);
        } else {
            mean_.at(name).copy_(weight);  // a counter has no mean
        }
    }
    if (!means.empty()) {
        at::_foreach_lerp_(means, weights, 1.0 - keep);
    }
}

void WeightAverage::restore(const NamedTensors& mean) { copy_all_(mean_, mean, "the running mean of weights"); }

void WeightAverage::swap() {
    const at::NoGradGuard no_grad;
    for (const auto& [name, weight] : weights_) {
        const Tensor& mean = mean_.at(name);
        const Tensor kept = weight.clone();
        weight.copy_(mean);
        mean.copy_(kept);
    }
}

}  // namespace reverie
