#include "models/style_net_first_weights.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "models/initialize.h"

namespace reverie {
namespace {

constexpr std::int64_t kColors = 3;
constexpr double kContrast = 0.2;  // deviation of the first pictures' colours, about grey
constexpr double kGrey = 0.5;
constexpr double kOthers = 0.03;  // what the other channels add to them
constexpr double kBlocks = 0.2;   // what a residual block adds to its input

/// Rows that see colour c in channel c, and what is missing of it in channel 3 + c, through `window`; those 3 further
/// see the opposite.
void carry_colors(const Tensor& weight, const Tensor& window, bool from_pairs) {
    weight.narrow(0, 0, 2 * kColors).zero_();
    for (std::int64_t c = 0; c < kColors; ++c) {
        for (const auto& [row, sign] : {std::pair(c, 1.0), std::pair(kColors + c, -1.0)}) {
            weight[row][c].copy_(window * sign);
            if (from_pairs) {
                weight[row][kColors + c].copy_(window * -sign);
            }
        }
    }
}

Tensor middle_of(const Tensor& weight) {
    Tensor window = at::zeros({weight.size(2), weight.size(3)}, weight.options());
    window[weight.size(2) / 2][weight.size(3) / 2].fill_(1.0);
    return window;
}

}  // namespace

void set_first_weights(torch::nn::Module& net, const StyleNetOptions& options, std::uint64_t seed) {
    const c10::NoGradGuard no_grad;
    const auto parameters = net.named_parameters();
    for (const auto& item : parameters) {
        if (item.value().dim() == 4) {  // norms keep their 1 and 0
            fill_normal_(item.value(), std::sqrt(2.0 / fan_in(item.value())), seed, item.key());
        }
    }
    const Tensor& last = parameters["out.weight"];
    if (options.adds_input) {
        last.zero_();
        return;
    }
    const Tensor line = at::tensor({0.25F, 0.5F, 0.25F}, last.options());
    carry_colors(parameters["down.0.weight"], middle_of(parameters["down.0.weight"]), /*from_pairs=*/false);
    for (const char* name : {"down.1.weight", "down.2.weight", "up.0.weight", "up.1.weight"}) {
        carry_colors(parameters[name], line.outer(line), /*from_pairs=*/true);
    }
    for (std::int64_t i = 0; i < options.blocks; ++i) {
        parameters["blocks." + std::to_string(i) + ".conv2.scale"].fill_(kBlocks);
    }
    last.mul_(kOthers);
    for (std::int64_t c = 0; c < kColors; ++c) {
        last[c][c].copy_(kContrast * middle_of(last));
        last[c][kColors + c].copy_(-kContrast * middle_of(last));
    }
    parameters["out.bias"].fill_(kGrey);
}

}  // namespace reverie
