#include "techniques/gan/gan_model.h"

#include <ATen/ATen.h>

namespace reverie {

NamedTensors parameters_of(const torch::nn::Module& net, const std::string& prefix) {
    NamedTensors tensors;
    for (const auto& item : net.named_parameters()) {
        tensors[prefix + "." + item.key()] = item.value();
    }
    return tensors;
}

NamedTensors tensors_of(const torch::nn::Module& net, const std::string& prefix) {
    NamedTensors tensors = parameters_of(net, prefix);
    for (const auto& item : net.named_buffers()) {
        tensors[prefix + "." + item.key()] = item.value();
    }
    return tensors;
}

Tensor to_range(const Tensor& images, const ValueRange& range) {
    return range.low == 0.0 && range.high == 1.0 ? images : images * (range.high - range.low) + range.low;
}

Tensor from_range(const Tensor& images, const ValueRange& range) {
    return ((images - range.low) / (range.high - range.low)).clamp(0.0, 1.0).contiguous();
}

}  // namespace reverie
