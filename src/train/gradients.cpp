#include "train/gradients.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace reverie {
namespace {

std::vector<Tensor> defined(const std::vector<Tensor>& tensors) {
    std::vector<Tensor> found;
    for (const Tensor& tensor : tensors) {
        if (tensor.defined()) {
            found.push_back(tensor);
        }
    }
    return found;
}

}  // namespace

std::vector<Tensor> gradients_of(const Tensor& loss, const std::vector<Tensor>& parameters) {
    return torch::autograd::grad({loss}, parameters, /*grad_outputs=*/{}, /*retain_graph=*/std::nullopt,
                                 /*create_graph=*/false, /*allow_unused=*/true);
}

Tensor norm_of(const std::vector<Tensor>& gradients, const Tensor& like) {
    const std::vector<Tensor> present = defined(gradients);
    return present.empty() ? at::zeros({}, like.options()) : at::stack(at::_foreach_norm(present)).norm();
}

void clip_norm_(std::vector<Tensor>& gradients, const Tensor& norm, double most) {
    std::vector<Tensor> present = defined(gradients);
    if (!present.empty()) {
        at::_foreach_mul_(present, (most / (norm + 1e-6)).clamp_max(1.0));  // PyTorch's guard against a norm of 0
    }
}

Autocast::Autocast(bool enabled) : enabled_(enabled) {
    if (enabled_) {
        at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
        at::autocast::set_autocast_enabled(at::kCUDA, true);
    }
}

Autocast::~Autocast() {
    if (enabled_) {
        at::autocast::clear_cache();  // its copies of weights are old after the step
        at::autocast::set_autocast_enabled(at::kCUDA, false);
    }
}

}  // namespace reverie
