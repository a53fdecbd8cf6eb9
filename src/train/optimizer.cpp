#include "reverie/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <optional>
#include <utility>

#include "reverie/core/error.h"
#include "train/copy_tensors.h"

namespace reverie {
namespace {

/// The fused kernels walk all arrays of a parameter side by side in memory, so a gradient must lie as its parameter
/// does.
Tensor laid_out_like(const Tensor& gradient, const Tensor& parameter) {
    if (gradient.strides() == parameter.strides() && gradient.scalar_type() == parameter.scalar_type()) {
        return gradient;
    }
    return at::empty_like(parameter).copy_(gradient);
}

/// The parameters that have a gradient in this step, with all that belongs to them.
struct Active {
    std::vector<Tensor> parameters;
    std::vector<Tensor> gradients;
    std::vector<Tensor> first;
    std::vector<Tensor> second;
    std::vector<Tensor> steps;
};

/// x -= rate * g / (sqrt(mean of g^2) + epsilon): Tieleman and Hinton's, epsilon outside the root as in PyTorch.
void rms_prop_(const Active& active, const OptimizerOptions& options, double rate) {
    std::vector<Tensor> gradients = active.gradients;
    if (options.weight_decay != 0.0) {
        gradients = at::_foreach_add(gradients, active.parameters, options.weight_decay);
    }
    at::_foreach_mul_(active.second, options.beta2);
    at::_foreach_addcmul_(active.second, gradients, gradients, 1.0 - options.beta2);
    std::vector<Tensor> root = at::_foreach_sqrt(active.second);
    at::_foreach_add_(root, options.epsilon);
    at::_foreach_addcdiv_(active.parameters, gradients, root, -rate * options.learning_rate);
}

/// Does `step`, and undoes it where `rests` is not 0.
template <typename Step>
void unless_(const Tensor& rests, const std::vector<Tensor>& changed, const Step& step) {
    if (!rests.defined()) {
        step();
        return;
    }
    std::vector<Tensor> before;
    for (const Tensor& tensor : changed) {
        before.push_back(tensor.clone());
    }
    step();
    for (std::size_t i = 0; i < changed.size(); ++i) {
        changed[i].copy_(at::where(rests != 0, before[i], changed[i]));
    }
}

}  // namespace

Optimizer::Optimizer(NamedTensors parameters, const OptimizerOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
    const at::NoGradGuard no_grad;
    for (const auto& [name, parameter] : parameters_) {
        if (options_.kind != OptimizerKind::RmsProp) {
            first_.push_back(at::zeros_like(parameter));
            steps_.push_back(at::zeros({}, parameter.options().dtype(at::kFloat)));
        }
        second_.push_back(at::zeros_like(parameter));
    }
}

void Optimizer::step(const std::vector<Tensor>& gradients, double rate, const Tensor& rests) {
    const at::NoGradGuard no_grad;
    if (gradients.size() != parameters_.size()) {
        throw Error(ErrorKind::Internal, std::to_string(gradients.size()) + " gradients for " +
                                             std::to_string(parameters_.size()) + " parameters");
    }
    const bool adam = options_.kind != OptimizerKind::RmsProp;
    Active active;
    std::size_t i = 0;
    for (const auto& [name, parameter] : parameters_) {
        if (gradients[i].defined()) {
            active.parameters.push_back(parameter);
            active.gradients.push_back(laid_out_like(gradients[i], parameter));
            active.second.push_back(second_[i]);
            if (adam) {
                active.first.push_back(first_[i]);
                active.steps.push_back(steps_[i]);
            }
        }
        ++i;
    }
    if (active.parameters.empty()) {
        return;
    }
    if (options_.clip_value > 0.0) {
        active.gradients = at::_foreach_clamp_max(active.gradients, options_.clip_value);
        at::_foreach_clamp_min_(active.gradients, -options_.clip_value);
    }
    if (!adam) {
        std::vector<Tensor> changed = active.parameters;
        changed.insert(changed.end(), active.second.begin(), active.second.end());
        unless_(rests, changed, [&] { rms_prop_(active, options_, rate); });
        return;
    }
    // The fused kernels take it for what ends a step of scaled gradients, an infinity found, and leave all alone but
    // the counts.
    std::optional<Tensor> halt;
    at::_foreach_add_(active.steps, 1);
    if (rests.defined()) {
        halt = rests.to(at::kFloat).view({1});
        for (const Tensor& count : active.steps) {
            count.sub_(halt->squeeze());
        }
    }
    const auto fused = [&](auto&& kernel) {
        kernel(active.parameters, active.gradients, active.first, active.second, at::TensorList(), active.steps,
               rate * options_.learning_rate, options_.beta1, options_.beta2, options_.weight_decay, options_.epsilon,
               /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/std::nullopt, halt);
    };
    if (options_.kind == OptimizerKind::AdamW) {
        fused([](auto&&... arguments) { at::_fused_adamw_(arguments...); });
    } else {
        fused([](auto&&... arguments) { at::_fused_adam_(arguments...); });
    }
}

NamedTensors Optimizer::state() const {
    NamedTensors state;
    std::size_t i = 0;
    for (const auto& [name, parameter] : parameters_) {
        if (options_.kind != OptimizerKind::RmsProp) {
            state[name + ".first"] = first_[i];
            state[name + ".step"] = steps_[i];
        }
        state[name + ".second"] = second_[i];
        ++i;
    }
    return state;
}

void Optimizer::restore(const NamedTensors& state) { copy_all_(this->state(), state, "the optimiser's state"); }

}  // namespace reverie
