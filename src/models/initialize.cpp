#include "models/initialize.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "reverie/core/noise.h"

namespace reverie {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

double fan_in(const Tensor& weight) {
    return static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
}

void fill_uniform_(const Tensor& weight, double bound, std::uint64_t seed, const std::string& name) {
    const c10::NoGradGuard no_grad;
    weight.copy_(uniform_noise(seed, stream_of(name), 0, 1, weight.sizes().vec())[0].mul(2.0 * bound).sub(bound));
}

void fill_normal_(const Tensor& weight, double deviation, std::uint64_t seed, const std::string& name) {
    const c10::NoGradGuard no_grad;
    weight.copy_(normal_noise(seed, stream_of(name), 0, 1, weight.sizes().vec())[0].mul(deviation));
}

void initialize_as_pytorch(const torch::nn::Module& net, std::uint64_t seed) {
    const c10::NoGradGuard no_grad;
    const auto parameters = net.named_parameters();
    for (const auto& item : parameters) {
        const std::string& name = item.key();
        const bool bias = ends_with(name, ".bias");
        const Tensor& weight = bias ? parameters[name.substr(0, name.size() - 4) + "weight"] : item.value();
        if (weight.dim() >= 2) {
            fill_uniform_(item.value(), 1.0 / std::sqrt(fan_in(weight)), seed, name);
        } else {
            item.value().fill_(bias ? 0.0 : 1.0);
        }
    }
}

void initialize_as_keras(const torch::nn::Module& net, std::uint64_t seed) {
    const c10::NoGradGuard no_grad;
    for (const auto& item : net.named_parameters()) {
        const Tensor& weight = item.value();
        if (weight.dim() >= 2) {
            const auto both = static_cast<double>((weight.size(0) + weight.size(1)) * weight[0][0].numel());
            fill_uniform_(weight, std::sqrt(6.0 / both), seed, item.key());
        } else {
            weight.zero_();
        }
    }
}

void initialize_as_dcgan(const torch::nn::Module& net, std::uint64_t seed) {
    constexpr double kDeviation = 0.02;
    const c10::NoGradGuard no_grad;
    for (const auto& item : net.named_parameters()) {
        const Tensor& weight = item.value();
        if (!ends_with(item.key(), ".weight")) {
            weight.zero_();
            continue;
        }
        fill_normal_(weight, kDeviation, seed, item.key());
        if (weight.dim() == 1) {
            weight.add_(1.0);
        }
    }
}

void initialize_for_leaky_relu(const torch::nn::Module& net, double slope, std::uint64_t seed) {
    const c10::NoGradGuard no_grad;
    for (const auto& item : net.named_parameters()) {
        const Tensor& weight = item.value();
        if (weight.dim() >= 2) {
            fill_normal_(weight, std::sqrt(2.0 / (1.0 + slope * slope) / fan_in(weight)), seed, item.key());
        } else {
            weight.zero_();
        }
    }
}

}  // namespace reverie
