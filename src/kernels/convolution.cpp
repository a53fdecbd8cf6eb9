#include "kernels/convolution.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <string>
#include <vector>

#include "kernels/convolution_functions.h"
#include "kernels/engine.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

struct Steps {
    std::int64_t stride, padding;
    std::int64_t output_padding = 0;
};

[[noreturn]] void refuse(const std::string& what, const std::string& found, const std::string& wanted) {
    throw Error(ErrorKind::Usage, what + " is " + found + "; wanted " + wanted);
}

bool casts(at::DeviceType device) { return at::autocast::is_autocast_enabled(device); }

/// Of a map [N,C,H,W]: a type with gradients, and pixels. A batch may be empty.
void require_map(const Tensor& input, const std::string& what) {
    if (!input.defined() || input.dim() != 4 || !input.is_floating_point() || input.size(1) * input.size(2) == 0 ||
        input.size(3) == 0) {
        refuse(what, tensor_text(input), "floating-point [N,C,H,W] with at least one channel and pixel");
    }
}

/// Type and device of the input; autocast sees to types itself.
bool goes_with(const Tensor& t, const Tensor& input) {
    return t.device() == input.device() &&
           (t.scalar_type() == input.scalar_type() || (t.is_floating_point() && casts(input.device().type())));
}

/// `in`, `out`: the axes of the weights' channels.
void require_weights(const Tensor& weight, const Tensor& bias, const Tensor& input, const std::string& what,
                     std::int64_t in, std::int64_t out) {
    const bool window = weight.defined() && weight.dim() == 4 && weight.numel() > 0;
    if (!window || weight.size(in) != input.size(1) || !goes_with(weight, input)) {
        const std::string channels = std::to_string(input.size(1));
        refuse("the weight of " + what, tensor_text(weight),
               (in == 1 ? "[outputs," + channels : "[" + channels + ",outputs") +
                   ",height,width] of the type and on the device of its input, " + tensor_text(input));
    }
    if (bias.defined() && (bias.dim() != 1 || bias.size(0) != weight.size(out) || !goes_with(bias, input))) {
        refuse("the bias of " + what, tensor_text(bias),
               shape_text({weight.size(out)}) + " of the type and on the device of its input, " + tensor_text(input));
    }
}

void require_steps(const Steps& steps, const std::string& what) {
    if (steps.stride < 1) {
        refuse("the stride of " + what, std::to_string(steps.stride), "at least 1");
    }
    if (steps.padding < 0) {
        refuse("the padding of " + what, std::to_string(steps.padding), "at least 0");
    }
    if (steps.output_padding < 0 || steps.output_padding >= steps.stride) {
        refuse("the output padding of " + what, std::to_string(steps.output_padding), "at least 0, below the stride");
    }
}

void require_addend(const Tensor& addend, const Tensor& input, const Tensor& weight, const Steps& steps) {
    const auto side = [&](std::int64_t axis) {
        return (input.size(axis) + 2 * steps.padding - weight.size(axis)) / steps.stride + 1;
    };
    const std::vector<std::int64_t> wanted = {input.size(0), weight.size(0), side(2), side(3)};
    if (addend.defined() && (addend.sizes() != at::IntArrayRef(wanted) || !goes_with(addend, input))) {
        refuse("what is added to a convolution", tensor_text(addend),
               shape_text(wanted) + " of the type and on the device of its input, " + tensor_text(input));
    }
}

bool is_plain(const Tensor& t) { return t.scalar_type() == at::kFloat && t.is_cpu() && t.layout() == at::kStrided; }

/// Whether our kernels know it.
bool is_ours(const Tensor& input, const Tensor& weight) {
    return is_plain(input) && is_plain(weight) && weight.size(2) == weight.size(3) && input.size(0) > 0 &&
           !casts(at::kCPU) && convolutions_are_ours();
}

kernels::SquareWindow window_of(const Tensor& weight, const Steps& steps) {
    return {weight.size(2), steps.stride, steps.padding};
}

Tensor by_libtorch(const Tensor& input, const Tensor& weight, const Tensor& bias, const Steps& steps, bool transposed) {
    return at::convolution(input, weight, bias, {steps.stride, steps.stride}, {steps.padding, steps.padding}, {1, 1},
                           transposed, {steps.output_padding, steps.output_padding}, 1);
}

}  // namespace

Tensor convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, std::int64_t stride,
                   std::int64_t padding, const Afterwards& afterwards) {
    const Steps steps{.stride = stride, .padding = padding};
    require_map(input, "the input of a convolution");
    require_weights(weight, bias, input, "a convolution", 1, 0);
    require_steps(steps, "a convolution");
    if (input.size(2) + 2 * padding < weight.size(2) || input.size(3) + 2 * padding < weight.size(3)) {
        refuse("the input of a convolution", tensor_text(input),
               "one that, with a padding of " + std::to_string(padding) + ", holds a window of " +
                   shape_text(weight.sizes().slice(2)));
    }
    const auto& [addend, slope] = afterwards;
    if (slope && !(*slope >= 0.0)) {
        refuse("the slope of a leaky ReLU", std::to_string(*slope), "at least 0");
    }
    require_addend(addend, input, weight, steps);
    if (is_ours(input, weight)) {
        return kernels::convolution_function(window_of(weight, steps), input, weight, bias, afterwards);
    }
    Tensor output = by_libtorch(input, weight, bias, steps, false);
    output = addend.defined() ? addend + output : output;
    return slope ? at::leaky_relu(output, *slope) : output;
}

Tensor transposed_convolution(const Tensor& input, const Tensor& weight, const Tensor& bias, std::int64_t stride,
                              std::int64_t padding, std::int64_t output_padding) {
    const Steps steps{stride, padding, output_padding};
    require_map(input, "the input of a transposed convolution");
    require_weights(weight, bias, input, "a transposed convolution", 0, 1);
    require_steps(steps, "a transposed convolution");
    const auto side = [&](std::int64_t axis) {
        return (input.size(axis) - 1) * stride - 2 * padding + weight.size(axis) + output_padding;
    };
    if (side(2) < 1 || side(3) < 1) {
        refuse("the input of a transposed convolution", tensor_text(input),
               "one of which a padding of " + std::to_string(padding) + " leaves something");
    }
    if (is_ours(input, weight)) {
        return kernels::transposed_function(window_of(weight, steps), input, weight, bias, side(2), side(3));
    }
    return by_libtorch(input, weight, bias, steps, true);
}

Tensor fully_connected(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    const bool matrices = x.defined() && x.dim() == 2 && weight.defined() && weight.dim() == 2;
    if (!matrices || !is_plain(x) || !is_plain(weight) || x.numel() == 0 || casts(at::kCPU) ||
        !convolutions_are_ours()) {
        return at::linear(x, weight, bias);
    }
    const auto as_map = [](const Tensor& rows) { return rows.view({rows.size(0), rows.size(1), 1, 1}); };
    return convolution(as_map(x.contiguous()), as_map(weight.contiguous()), bias, 1, 0).flatten(1);
}

}  // namespace reverie
