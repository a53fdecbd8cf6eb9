#include "reverie/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/parallel.h"
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

/// Parameters that have a gradient in this step, with all that belongs to them.
struct Active {
    std::vector<Tensor> parameters;
    std::vector<Tensor> gradients;
    std::vector<Tensor> first;
    std::vector<Tensor> second;
    std::vector<Tensor> steps;

    bool empty() const { return parameters.empty(); }
};

bool moves_as_matrix(OptimizerKind kind, const Tensor& parameter) {
    constexpr std::int64_t kLeastOutputs = 8;
    return kind == OptimizerKind::Muon && parameter.dim() == 4 && parameter.size(0) >= kLeastOutputs;
}

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

/// The matrix with its singular values brought near 1 (0.7 to 1.2): Newton-Schulz iterations of a polynomial of the
/// fifth degree, whose coefficients are Jordan's.
Tensor orthogonalized(const Tensor& matrix) {
    constexpr double kFirst = 3.4445;
    constexpr double kThird = -4.7750;
    constexpr double kFifth = 2.0315;
    constexpr int kIterations = 5;
    constexpr double kTiny = 1e-7;
    const bool tall = matrix.size(0) > matrix.size(1);
    Tensor x = tall ? matrix.t() : matrix;
    x = x / x.norm().clamp_min(kTiny);
    for (int i = 0; i < kIterations; ++i) {
        const Tensor square = x.mm(x.t());
        x = at::addmm(x, at::addmm(square, square, square, kThird, kFifth), x, kFirst);
    }
    return tall ? x.t() : x;
}

void muon_(const Active& active, const OptimizerOptions& options, double rate) {
    constexpr double kMomentum = 0.95;
    constexpr double kAsAdam = 0.2;  // AdamW's steps have about this root mean square, in units of its rate
    const double step = rate * options.learning_rate;
    const KernelThreads threads;  // sums of products have the same bits with any number
    for (std::size_t i = 0; i < active.parameters.size(); ++i) {
        const Tensor& weight = active.parameters[i];
        active.first[i].lerp_(active.gradients[i], 1.0 - kMomentum);
        const Tensor matrix = active.gradients[i].lerp(active.first[i], kMomentum).flatten(1);
        const auto longest = static_cast<double>(std::max(matrix.size(0), matrix.size(1)));
        weight.mul_(1.0 - step * options.weight_decay);
        weight.sub_(orthogonalized(matrix).reshape(weight.sizes()), step * kAsAdam * std::sqrt(longest));
    }
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

/// AdamW for all that does not ask for Adam.
void adam_(const Active& active, const OptimizerOptions& options, double rate, const Tensor& rests) {
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
               rate * options.learning_rate, options.beta1, options.beta2, options.weight_decay, options.epsilon,
               /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/std::nullopt, halt);
    };
    if (options.kind == OptimizerKind::Adam) {
        fused([](auto&&... arguments) { at::_fused_adam_(arguments...); });
    } else {
        fused([](auto&&... arguments) { at::_fused_adamw_(arguments...); });
    }
}

void clamp_(Active& active, double limit) {
    if (limit > 0.0) {
        active.gradients = at::_foreach_clamp_max(active.gradients, limit);
        at::_foreach_clamp_min_(active.gradients, -limit);
    }
}

/// What a step of `active` changes: the parameters, and such of their state.
std::vector<Tensor> parts_of(const Active& active, const std::vector<Tensor>& state) {
    std::vector<Tensor> parts = active.parameters;
    parts.insert(parts.end(), state.begin(), state.end());
    return parts;
}

}  // namespace

Optimizer::Optimizer(NamedTensors parameters, const OptimizerOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
    const at::NoGradGuard no_grad;
    const bool has_first = options_.kind != OptimizerKind::RmsProp;
    for (const auto& [name, parameter] : parameters_) {
        const bool matrix = moves_as_matrix(options_.kind, parameter);
        first_.push_back(has_first ? at::zeros_like(parameter) : Tensor());
        second_.push_back(matrix ? Tensor() : at::zeros_like(parameter));
        steps_.push_back(has_first && !matrix ? at::zeros({}, parameter.options().dtype(at::kFloat)) : Tensor());
    }
}

void Optimizer::step(const std::vector<Tensor>& gradients, double rate, const Tensor& rests) {
    const at::NoGradGuard no_grad;
    if (gradients.size() != parameters_.size()) {
        throw Error(ErrorKind::Internal, std::to_string(gradients.size()) + " gradients for " +
                                             std::to_string(parameters_.size()) + " parameters");
    }
    Active active;
    Active matrices;
    std::size_t i = 0;
    for (const auto& [name, parameter] : parameters_) {
        if (gradients[i].defined()) {
            Active& into = moves_as_matrix(options_.kind, parameter) ? matrices : active;
            into.parameters.push_back(parameter);
            into.gradients.push_back(laid_out_like(gradients[i], parameter));
            into.first.push_back(first_[i]);
            into.second.push_back(second_[i]);
            into.steps.push_back(steps_[i]);
        }
        ++i;
    }
    if (!matrices.empty()) {
        clamp_(matrices, options_.clip_value);
        unless_(rests, parts_of(matrices, matrices.first), [&] { muon_(matrices, options_, rate); });
    }
    if (active.empty()) {
        return;
    }
    clamp_(active, options_.clip_value);
    if (options_.kind == OptimizerKind::RmsProp) {
        unless_(rests, parts_of(active, active.second), [&] { rms_prop_(active, options_, rate); });
    } else {
        adam_(active, options_, rate, rests);
    }
}

NamedTensors Optimizer::state() const {
    NamedTensors state;
    std::size_t i = 0;
    const auto add = [&](const std::string& name, const Tensor& tensor) {
        if (tensor.defined()) {
            state[name] = tensor;
        }
    };
    for (const auto& [name, parameter] : parameters_) {
        add(name + ".first", first_[i]);
        add(name + ".step", steps_[i]);
        add(name + ".second", second_[i]);
        ++i;
    }
    return state;
}

void Optimizer::restore(const NamedTensors& state) { copy_all_(this->state(), state, "the optimiser's state"); }

}  // namespace reverie
