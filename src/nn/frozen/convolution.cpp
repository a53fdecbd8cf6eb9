#include "nn/frozen/convolution.h"

#include <utility>

#include "kernels/tiled_products.h"
#include "nn/frozen/depthwise.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/window_products.h"
#include "nn/frozen/winograd.h"

#include <ATen/ATen.h>

namespace reverie::frozen {
namespace {

constexpr std::int64_t kFewChannels = 4;  // of the image

bool is_one_cell(const Window& w) {
    return w.kernel_h == 1 && w.kernel_w == 1 && w.stride == 1 && w.pad_h == 0 && w.pad_w == 0;
}

}  // namespace

bool by_rows(const Node& node, std::int64_t channels) {
    return is_depthwise(node) || (is_one_cell(node.window) && channels > kFewChannels);
}

bool can_convolve(const Node& node) {
    const bool depthwise = node.groups > 1;
    return node.window.padding != Padding::Replicate || (!depthwise && is_square_winograd(node));
}

std::unique_ptr<Convolution> make_convolution(const Node& node, std::int64_t channels, ReadWeights read,
                                              const Kernels& kernels) {
    if (node.groups > 1) {
        return make_depthwise(node, read, kernels);
    }
    const auto make = is_square_winograd(node) ? make_square_winograd
                      : is_line_winograd(node) ? make_line_winograd
                                               : make_window_products;
    if (channels <= kFewChannels) {
        return make_first_convolution(node, channels, read, make(node, channels, read, kernels), kernels);
    }
    return make(node, channels, std::move(read), kernels);
}

std::int64_t packed_bytes(const Node& node, std::int64_t channels, const Kernels& kernels) {
    const Window& w = node.window;
    const std::int64_t taps = w.kernel_h * w.kernel_w;
    if (node.groups > 1) {
        return 4 * taps * node.channels;
    }
    const auto both = [&](std::int64_t count, std::int64_t rows) {
        return PackedMatrices::bytes(kernels, count, rows * channels, node.channels) +
               PackedMatrices::bytes(kernels, count, rows * node.channels, channels);
    };
    if (is_line_winograd(node)) {
        return both(kLinePositions, 2);
    }
    if (!is_square_winograd(node)) {
        return both(1, taps);
    }
    const bool borders = w.padding == Padding::Replicate;
    return both(square_positions(channels, node.channels), 1) +
           (borders ? PackedMatrices::bytes(kernels, 1, taps * node.channels, channels) : 0);
}

std::int64_t scratch_bytes(const Node& node, std::int64_t channels, Size output) {
    if (node.groups > 1) {
        return 0;
    }
    const std::int64_t cells = output.height * output.width;
    if (is_square_winograd(node)) {
        return kernels::tiles_bytes(square_tiles(output, channels, node.channels),
                                    square_positions(channels, node.channels), channels, node.channels);
    }
    if (is_line_winograd(node)) {
        return kernels::tiles_bytes(cells / kLineOutputs, kLinePositions, channels, node.channels);
    }
    return 0;
}

}  // namespace reverie::frozen
