#include "kernels/convolution_functions.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/kernel_team.h"
#include "kernels/convolution_tensors.h"

namespace reverie::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

void save(AutogradContext* ctx, const SquareWindow& window) {
    ctx->saved_data["size"] = window.size;
    ctx->saved_data["stride"] = window.stride;
    ctx->saved_data["padding"] = window.padding;
}
SquareWindow window_of(AutogradContext* ctx) {
    return {ctx->saved_data["size"].toInt(), ctx->saved_data["stride"].toInt(), ctx->saved_data["padding"].toInt()};
}

std::optional<Tensor> optional(const Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; }

// The functions, named after what they give. LibTorch calls backward with gradients off unless a graph of the gradients
// is wanted, so that one text serves both.

struct ConvolvedMap : Function<ConvolvedMap> {
    static Tensor forward(AutogradContext* ctx, const Tensor& large, const Tensor& weight,
                          const std::optional<Tensor>& bias, const std::optional<Tensor>& addend,
                          const SquareWindow& window, std::optional<double> slope);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

struct SpreadMap : Function<SpreadMap> {
    static Tensor forward(AutogradContext* ctx, const Tensor& small, const Tensor& weight,
                          const std::optional<Tensor>& bias, const SquareWindow& window, std::int64_t height,
                          std::int64_t width);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

struct CorrelatedMaps : Function<CorrelatedMaps> {
    static Tensor forward(AutogradContext* ctx, const Tensor& large, const Tensor& small, const SquareWindow& window);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

/// LibTorch's own sum is cut up by the number of threads.
struct PixelSums : Function<PixelSums> {
    static Tensor forward(AutogradContext* ctx, const Tensor& map);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

Tensor spread_like(const Tensor& large, const Tensor& small, const Tensor& weight, const SquareWindow& window) {
    return SpreadMap::apply(small, weight, std::nullopt, window, large.size(2), large.size(3));
}
Tensor convolved(const Tensor& large, const Tensor& weight, const SquareWindow& window) {
    return ConvolvedMap::apply(large, weight, std::nullopt, std::nullopt, window, std::nullopt);
}

/// Only inputs that are tensors count, a bias that is not there does not.
bool wants_bias(AutogradContext* ctx) { return ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(2); }
bool wants_addend(AutogradContext* ctx) {
    return ctx->saved_data["addend"].toBool() && ctx->needs_input_grad(ctx->saved_data["bias"].toBool() ? 3 : 2);
}

Tensor ConvolvedMap::forward(AutogradContext* ctx, const Tensor& large, const Tensor& weight,
                             const std::optional<Tensor>& bias, const std::optional<Tensor>& addend,
                             const SquareWindow& window, std::optional<double> slope) {
    const Tensor small =
        convolve(window, large, weight, bias.value_or(Tensor()), addend.value_or(Tensor()), slope, this_machine());
    save(ctx, window);
    ctx->saved_data["bias"] = bias.has_value();
    ctx->saved_data["addend"] = addend.has_value();
    ctx->saved_data["slope"] = slope;
    ctx->save_for_backward(slope ? variable_list{large, weight, small} : variable_list{large, weight});
    return small;
}

variable_list ConvolvedMap::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const SquareWindow window = window_of(ctx);
    Tensor gradient = channels_last(gradients[0]);
    if (const auto slope = ctx->saved_data["slope"].toOptional<double>()) {
        // What comes out has the sign of what went in, and which sign it is has no derivative.
        const KernelTeam team;  // number by number: the same bits however they are shared out
        gradient = at::leaky_relu_backward(gradient, saved[2].detach(), *slope, /*self_is_result=*/true);
    }
    return {ctx->needs_input_grad(0) ? spread_like(saved[0], gradient, saved[1], window) : Tensor(),
            ctx->needs_input_grad(1) ? CorrelatedMaps::apply(saved[0], gradient, window) : Tensor(),
            wants_bias(ctx) ? PixelSums::apply(gradient) : Tensor(),
            wants_addend(ctx) ? gradient : Tensor(),
            Tensor(),
            Tensor()};
}

Tensor SpreadMap::forward(AutogradContext* ctx, const Tensor& small, const Tensor& weight,
                          const std::optional<Tensor>& bias, const SquareWindow& window, std::int64_t height,
                          std::int64_t width) {
    save(ctx, window);
    ctx->saved_data["bias"] = bias.has_value();
    ctx->save_for_backward({small, weight});
    return spread(window, small, weight, bias.value_or(Tensor()), height, width, this_machine());
}

variable_list SpreadMap::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const SquareWindow window = window_of(ctx);
    const Tensor gradient = channels_last(gradients[0]);
    return {ctx->needs_input_grad(0) ? convolved(gradient, saved[1], window) : Tensor(),
            ctx->needs_input_grad(1) ? CorrelatedMaps::apply(gradient, saved[0], window) : Tensor(),
            wants_bias(ctx) ? PixelSums::apply(gradient) : Tensor(),
            Tensor(),
            Tensor(),
            Tensor()};
}

Tensor CorrelatedMaps::forward(AutogradContext* ctx, const Tensor& large, const Tensor& small,
                               const SquareWindow& window) {
    save(ctx, window);
    ctx->save_for_backward({large, small});
    return correlate(window, large, small, this_machine());
}

variable_list CorrelatedMaps::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const SquareWindow window = window_of(ctx);
    const Tensor gradient = channels_last(gradients[0]);
    return {ctx->needs_input_grad(0) ? spread_like(saved[0], saved[1], gradient, window) : Tensor(),
            ctx->needs_input_grad(1) ? convolved(saved[0], gradient, window) : Tensor(), Tensor()};
}

Tensor PixelSums::forward(AutogradContext* ctx, const Tensor& map) {
    ctx->saved_data["sizes"] = map.sizes().vec();
    return sum_pixels(map, this_machine());
}

variable_list PixelSums::backward(AutogradContext* ctx, const variable_list& gradients) {
    return {gradients[0].view({1, -1, 1, 1}).expand(ctx->saved_data["sizes"].toIntVector())};
}

}  // namespace

Tensor convolution_function(const SquareWindow& window, const Tensor& large, const Tensor& weight, const Tensor& bias,
                            const Afterwards& afterwards) {
    return ConvolvedMap::apply(channels_last(large), channels_last(weight), optional(bias), optional(afterwards.addend),
                               window, afterwards.leaky_slope);
}

Tensor transposed_function(const SquareWindow& window, const Tensor& small, const Tensor& weight, const Tensor& bias,
                           std::int64_t height, std::int64_t width) {
    return SpreadMap::apply(channels_last(small), channels_last(weight), optional(bias), window, height, width);
}

}  // namespace reverie::kernels
