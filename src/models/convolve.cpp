#include "models/convolve.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/activation.h>

#include <optional>
#include <variant>

namespace reverie {
namespace {

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

}  // namespace

Tensor convolve(const torch::nn::Conv2d& layer, const Tensor& x, const Afterwards& afterwards) {
    return convolve(*layer, x, afterwards);
}

Tensor convolve(const torch::nn::ConvTranspose2d& layer, const Tensor& x) { return convolve(*layer, x); }

Tensor run_layers(torch::nn::Sequential& layers, Tensor x) {
    for (auto layer = layers->begin(); layer != layers->end(); ++layer) {
        const auto module = layer->ptr();
        if (const auto* conv = module->as<torch::nn::Conv2dImpl>()) {
            std::optional<double> slope;
            if (const auto next = layer + 1; next != layers->end()) {
                if (const auto* leaky = next->ptr()->as<torch::nn::LeakyReLUImpl>()) {
                    slope = leaky->options.negative_slope();
                    layer = next;
                }
            }
            x = convolve(*conv, x, {.leaky_slope = slope});
        } else if (const auto* transposed = module->as<torch::nn::ConvTranspose2dImpl>()) {
            x = convolve(*transposed, x);
        } else {
            x = layer->forward(x);
        }
    }
    return x;
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
