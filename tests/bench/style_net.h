// The feed-forward net of Johnson et al. (2016) as fast style transfer trains it, for benchmarks: 9x9, two strided 3x3,
// five residual blocks of 128, two upsamplings, 9x9, instance norms.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <optional>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/engine.h"
#include "kernels/norm.h"

namespace reverie::bench {

class StyleNet {
  public:
    StyleNet() {
        const std::int64_t shapes[][3] = {{32, 3, 9}, {64, 32, 3}, {128, 64, 3}};
        for (const auto& [out, in, size] : shapes) {
            add(out, in, size);
        }
        for (int i = 0; i < 10; ++i) {
            add(128, 128, 3);
        }
        add(64, 128, 3);
        add(32, 64, 3);
        add(3, 32, 9);
    }

    /// One step without an optimiser: forward, a mean of squares against `wanted`, gradients of all weights.
    void step(const Tensor& images, const Tensor& wanted) {
        const Tensor loss = (forward(images) - wanted).square().mean();
        torch::autograd::grad({loss}, parameters_, {}, std::nullopt, false, /*allow_unused=*/true);
    }

  private:
    void add(std::int64_t out, std::int64_t in, std::int64_t size) {
        const double scale = std::sqrt(2.0 / static_cast<double>(in * size * size));
        const Tensor weight = at::randn({out, in, size, size}).mul(scale).contiguous(at::MemoryFormat::ChannelsLast);
        for (const Tensor& t : {weight, at::ones({out}), at::zeros({out})}) {
            parameters_.push_back(t.detach().requires_grad_());
        }
    }
    Tensor layer(std::size_t index, const Tensor& x, std::int64_t stride, std::optional<double> slope) const {
        const Tensor& weight = parameters_[3 * index];
        const Tensor y = convolution(x, weight, {}, stride, weight.size(2) / 2);
        return instance_norm(y, parameters_[3 * index + 1], parameters_[3 * index + 2], 1e-5, slope);
    }
    Tensor forward(const Tensor& images) const {
        Tensor x = layer(0, images, 1, 0.0);
        x = layer(1, x, 2, 0.0);
        x = layer(2, x, 2, 0.0);
        for (std::size_t block = 0; block < 5; ++block) {
            x = x + layer(4 + 2 * block, layer(3 + 2 * block, x, 1, 0.0), 1, std::nullopt);
        }
        x = layer(13, at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}), 1, 0.0);
        x = layer(14, at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)}), 1, 0.0);
        return convolution(x, parameters_[45], parameters_[47], 1, 4);
    }

    std::vector<Tensor> parameters_;  // of each layer: weight, scale, shift
};

}  // namespace reverie::bench
