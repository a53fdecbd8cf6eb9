#include "kernels/strided_functions.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/strided_convolution.h"
#include "kernels/kernel_choice.h"

namespace reverie::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// Scratch, kept from layer to layer; nothing in it outlives a call. One a thread, since steps may run side by side.
Workspace& workspace() {
    thread_local Workspace work;
    return work;
}

Tensor channels_last(const Tensor& t) { return t.contiguous(at::MemoryFormat::ChannelsLast); }

std::optional<Tensor> optional(const Tensor& bias) { return bias.defined() ? std::optional(bias) : std::nullopt; }

// The functions, named after what they give. LibTorch calls backward with gradients off unless a graph of the gradients
// is wanted, so that one text serves both.

struct StridedSmall : Function<StridedSmall> {
    static Tensor forward(AutogradContext* ctx, const Tensor& large, const Tensor& weight,
                          const std::optional<Tensor>& bias, std::optional<double> slope);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

struct StridedLarge : Function<StridedLarge> {
    static Tensor forward(AutogradContext* ctx, const Tensor& small, const Tensor& weight,
                          const std::optional<Tensor>& bias, std::int64_t height, std::int64_t width);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

struct StridedWeights : Function<StridedWeights> {
    static Tensor forward(AutogradContext* ctx, const Tensor& large, const Tensor& small);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

/// LibTorch's own sum is cut up by the number of threads.
struct PixelSums : Function<PixelSums> {
    static Tensor forward(AutogradContext* ctx, const Tensor& map);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

Tensor large_like(const Tensor& large, const Tensor& small, const Tensor& weight) {
    return StridedLarge::apply(small, weight, std::nullopt, large.size(2), large.size(3));
}
Tensor small_of(const Tensor& large, const Tensor& weight) {
    return StridedSmall::apply(large, weight, std::nullopt, std::nullopt);
}

/// Only inputs that are tensors count, a bias that is not there does not.
bool wants_bias(AutogradContext* ctx) { return ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(2); }

Tensor StridedSmall::forward(AutogradContext* ctx, const Tensor& large, const Tensor& weight,
                             const std::optional<Tensor>& bias, std::optional<double> slope) {
    Tensor small = convolve_strided(large, weight, bias.value_or(Tensor()), best_kernels(), workspace());
    if (slope) {
        at::leaky_relu_(small, *slope);
    }
    ctx->saved_data["bias"] = bias.has_value();
    ctx->saved_data["slope"] = slope;
    ctx->save_for_backward(slope ? variable_list{large, weight, small} : variable_list{large, weight});
    return small;
}

variable_list StridedSmall::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    Tensor gradient = channels_last(gradients[0]);
    if (const auto slope = ctx->saved_data["slope"].toOptional<double>()) {
        // What comes out has the sign of what went in, and which sign it is has no derivative.
        gradient = at::leaky_relu_backward(gradient, saved[2].detach(), *slope, /*self_is_result=*/true);
    }
    return {ctx->needs_input_grad(0) ? large_like(saved[0], gradient, saved[1]) : Tensor(),
            ctx->needs_input_grad(1) ? StridedWeights::apply(saved[0], gradient) : Tensor(),
            wants_bias(ctx) ? PixelSums::apply(gradient) : Tensor(), Tensor()};
}

Tensor StridedLarge::forward(AutogradContext* ctx, const Tensor& small, const Tensor& weight,
                             const std::optional<Tensor>& bias, std::int64_t height, std::int64_t width) {
    ctx->saved_data["bias"] = bias.has_value();
    ctx->save_for_backward({small, weight});
    return spread_strided(small, weight, bias.value_or(Tensor()), height, width, best_kernels(), workspace());
}

variable_list StridedLarge::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor gradient = channels_last(gradients[0]);
    return {ctx->needs_input_grad(0) ? small_of(gradient, saved[1]) : Tensor(),
            ctx->needs_input_grad(1) ? StridedWeights::apply(gradient, saved[0]) : Tensor(),
            wants_bias(ctx) ? PixelSums::apply(gradient) : Tensor(), Tensor(), Tensor()};
}

Tensor StridedWeights::forward(AutogradContext* ctx, const Tensor& large, const Tensor& small) {
    ctx->save_for_backward({large, small});
    return correlate_strided(large, small, best_kernels(), workspace());
}

variable_list StridedWeights::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor gradient = channels_last(gradients[0]);
    return {ctx->needs_input_grad(0) ? large_like(saved[0], saved[1], gradient) : Tensor(),
            ctx->needs_input_grad(1) ? small_of(saved[0], gradient) : Tensor()};
}

Tensor PixelSums::forward(AutogradContext* ctx, const Tensor& map) {
    ctx->saved_data["sizes"] = map.sizes().vec();
    return sum_pixels(map, workspace());
}

variable_list PixelSums::backward(AutogradContext* ctx, const variable_list& gradients) {
    return {gradients[0].view({1, -1, 1, 1}).expand(ctx->saved_data["sizes"].toIntVector())};
}

}  // namespace

Tensor strided_function(const Tensor& large, const Tensor& weight, const Tensor& bias, std::optional<double> slope) {
    return StridedSmall::apply(channels_last(large), channels_last(weight), optional(bias), slope);
}

Tensor strided_transposed_function(const Tensor& small, const Tensor& weight, const Tensor& bias, std::int64_t height,
                                   std::int64_t width) {
    return StridedLarge::apply(channels_last(small), channels_last(weight), optional(bias), height, width);
}

}  // namespace reverie::kernels
