#include "models/convolve.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/activation.h>

#include <variant>
#include <vector>

#include "kernels/norm.h"

namespace reverie {
namespace {

/// Of an activation that a layer before it can do; 0 for a ReLU.
std::optional<double> slope_of(const torch::nn::Module& module) {
    if (const auto* leaky = module.as<torch::nn::LeakyReLUImpl>()) {
        return leaky->options.negative_slope();
    }
    return module.as<torch::nn::ReLUImpl>() != nullptr ? std::optional(0.0) : std::nullopt;
}

}  // namespace

Tensor convolve(const torch::nn::Conv2dImpl& layer, const Tensor& x, const Afterwards& afterwards) {
    const auto& options = layer.options;
    return convolution(x, layer.weight, layer.bias, options.stride()->front(),
                       std::get<torch::ExpandingArray<2>>(options.padding())->front(), afterwards);
}

Tensor convolve(const torch::nn::ConvTranspose2dImpl& layer, const Tensor& x) {
    const auto& options = layer.options;
    return transposed_convolution(x, layer.weight, layer.bias, options.stride()->front(),
                                  std::get<torch::ExpandingArray<2>>(options.padding())->front(),
                                  options.output_padding()->front());
}

Tensor normalize(torch::nn::BatchNorm2dImpl& layer, const Tensor& x, std::optional<double> leaky_slope) {
    if (!layer.is_training()) {
        const Tensor y = layer.forward(x);
        return leaky_slope ? at::leaky_relu(y, *leaky_slope) : y;
    }
    {
        const c10::NoGradGuard no_grad;
        layer.num_batches_tracked.add_(1);
    }
    return batch_norm(x, layer.weight, layer.bias,
                      {layer.running_mean, layer.running_var, layer.options.momentum().value()}, layer.options.eps(),
                      leaky_slope);
}

Tensor multiply(const torch::nn::LinearImpl& layer, const Tensor& x) {
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = layer.weight.size(0);
    return fully_connected(x.reshape({-1, x.size(-1)}), layer.weight, layer.bias).view(shape);
}

Tensor run_layers(torch::nn::Sequential& layers, Tensor x) {
    for (auto layer = layers->begin(); layer != layers->end(); ++layer) {
        const auto module = layer->ptr();
        const auto next = layer + 1;
        const std::optional<double> slope = next != layers->end() ? slope_of(*next->ptr()) : std::nullopt;
        const auto* conv = module->as<torch::nn::Conv2dImpl>();
        auto* norm = module->as<torch::nn::BatchNorm2dImpl>();
        if (conv != nullptr) {
            x = convolve(*conv, x, {.leaky_slope = slope});
        } else if (norm != nullptr) {
            x = normalize(*norm, x, slope);
        } else if (const auto* transposed = module->as<torch::nn::ConvTranspose2dImpl>()) {
            x = convolve(*transposed, x);
            continue;
        } else {
            x = layer->forward(x);
            continue;
        }
        layer = slope ? next : layer;
    }
    return x;
}

Tensor enlarging_convolution(const Tensor& x, const Tensor& weight) {
    const Tensor line = at::tensor({0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0}, weight.options()).view({4, 3});
    const Tensor square = at::kron(line, line);                                // [16,9]
    const Tensor windows = weight.permute({1, 0, 2, 3}).flatten(2);            // [C,outputs,9]
    const Tensor wide = at::matmul(windows, square.t()).unflatten(2, {4, 4});  // [C,outputs,4,4]
    return transposed_convolution(x, wide.contiguous(at::MemoryFormat::ChannelsLast), {}, 2, 1);
}

void lay_out_for_kernels(torch::nn::Module& net) {
    const c10::NoGradGuard no_grad;
    for (Tensor& parameter : net.parameters()) {
        if (parameter.dim() == 4) {
            parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
        }
    }
}

}  // namespace reverie
