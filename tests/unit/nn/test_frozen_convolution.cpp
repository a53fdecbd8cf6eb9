// Every layer of the frozen engine's convolutions, on every kernel set of this processor, against LibTorch in float64.

#include "kernels/kernel_choice.h"
#include "nn/frozen/convolution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/tiled_products.h"
#include "nn/frozen/winograd.h"
#include "nn/frozen_executor.h"
#include "reverie/core/parallel.h"
#include "support/frozen_maps.h"

namespace reverie {
namespace {

using frozen::Convolution;
using frozen::Finish;
using frozen::Finishing;
using frozen::Kernels;
using test::noise;
using test::relative_error;
using test::SlicedMap;
using test::SlopeBits;

// Products and sums of at most a few thousand numbers, rounded one by one: 1e-7 to 7e-7 was measured.
constexpr double kProducts = 1.5e-6;
// Winograd's transforms multiply by up to 25 what cancels later, and the errors of many channels add up: 7e-7 for 24
// channels, 2e-6 for 128 and 6e-6 for 264 were measured, half of that along lines.
constexpr double kWinograd = 1e-5;

struct Layer {
    std::string name;
    std::int64_t inputs, outputs;
    Window window;
    Size size;
    std::int64_t batch = 1;
    bool depthwise = false;
};

void PrintTo(const Layer& layer, std::ostream* out) { *out << layer.name; }

Node node_of(const Layer& layer) {
    return {.op = Op::Convolution,
            .inputs = {0},
            .channels = layer.outputs,
            .window = layer.window,
            .groups = layer.depthwise ? layer.inputs : 1};
}

bool is_winograd(const Layer& layer) {
    return frozen::is_square_winograd(node_of(layer)) || frozen::is_line_winograd(node_of(layer));
}
double forward_tolerance(const Layer& layer) {
    return is_winograd(layer) && layer.inputs > 4 ? kWinograd : kProducts;  // an image goes through products
}
double backward_tolerance(const Layer& layer) { return is_winograd(layer) ? kWinograd : kProducts; }

/// What the window sees, by the definitions of the three paddings and by operators that autograd knows.
Tensor padded(const Window& w, const Tensor& x) {
    if (w.padding == Padding::Same) {
        const auto widths = [&](std::int64_t n, std::int64_t kernel) {
            const std::int64_t outputs = (n + w.stride - 1) / w.stride;
            const std::int64_t missing = std::max<std::int64_t>(0, (outputs - 1) * w.stride + kernel - n);
            return std::pair{missing / 2, missing - missing / 2};
        };
        const auto [top, bottom] = widths(x.size(2), w.kernel_h);
        const auto [left, right] = widths(x.size(3), w.kernel_w);
        return at::constant_pad_nd(x, {left, right, top, bottom});
    }
    return w.padding == Padding::Replicate ? at::replication_pad2d(x, {w.pad_w, w.pad_w, w.pad_h, w.pad_h})
                                           : at::constant_pad_nd(x, {w.pad_w, w.pad_w, w.pad_h, w.pad_h});
}

Tensor convolved(const Window& w, const Tensor& x, const Tensor& weight, const Tensor& bias, std::int64_t groups = 1) {
    const std::array<std::int64_t, 2> stride = {w.stride, w.stride};
    return at::conv2d(padded(w, x), weight, bias, stride, at::IntArrayRef({0, 0}), at::IntArrayRef({1, 1}), groups);
}

/// A layer's numbers and what is right for them, in float64.
struct Example {
    explicit Example(const Layer& layer) {
        const std::int64_t each = layer.depthwise ? 1 : layer.inputs;
        const Window& w = layer.window;
        weight = noise({layer.outputs, each, w.kernel_h, w.kernel_w}, layer.name + " weight");
        // Values of about one come out, so that ReLU6 has something to cut off.
        weight = (weight * (3.0 / std::sqrt(static_cast<double>(each * w.kernel_h * w.kernel_w))))
                     .to(at::kFloat)
                     .to(at::kDouble);
        bias = noise({layer.outputs}, layer.name + " bias");
        input = noise({layer.batch, layer.inputs, layer.size.height, layer.size.width}, layer.name + " input");
        const Tensor leaf = input.clone().set_requires_grad(true);
        const Tensor sums = convolved(w, leaf, weight, bias, node_of(layer).groups);
        output = sums.detach();
        output_gradient = noise(output.sizes().vec(), layer.name + " gradient");
        sums.backward(output_gradient);
        input_gradient = leaf.grad();
    }

    std::unique_ptr<Convolution> convolution(const Layer& layer, const Kernels& kernels) const {
        const NodeWeights weights{weight.to(at::kFloat).contiguous(), bias.to(at::kFloat)};
        return frozen::make_convolution(
            node_of(layer), layer.inputs, [weights] { return weights; }, kernels);
    }

    Tensor weight, bias;
    Tensor input, output;
    Tensor output_gradient, input_gradient;
};

class FrozenConvolution : public testing::TestWithParam<Layer> {
  protected:
    const ThreadShare two_{2};  // so that blocks are shared out whatever the machine
    frozen::Workspace work_;
};

// Only whole bytes of channels are activated, and only a full convolution carries one channel's NaN to all outputs.
class FrozenConvolutionActivated : public FrozenConvolution {};
class FrozenConvolutionMasked : public FrozenConvolution {};
class FrozenConvolutionPoisoned : public FrozenConvolution {};

TEST_P(FrozenConvolution, BothDirectionsEqualFloat64) {
    const Layer& layer = GetParam();
    const Example example(layer);
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const auto convolution = example.convolution(layer, *kernels);
        const SlicedMap input(example.input);
        const SlicedMap output(example.output.sizes().vec());
        convolution->forward(input.map(), output.map(), {}, work_);
        EXPECT_LT(relative_error(output.values(), example.output), forward_tolerance(layer));

        const SlicedMap output_gradient(example.output_gradient);
        const SlicedMap input_gradient(example.input.sizes().vec());
        convolution->backward(output_gradient.map(), input_gradient.map(), {}, work_);
        EXPECT_LT(relative_error(input_gradient.values(), example.input_gradient), backward_tolerance(layer));
    }
}

TEST_P(FrozenConvolution, SlicesOfWiderMapsGiveTheSameAndLeaveTheirNeighboursAlone) {
    const Layer& layer = GetParam();
    const Example example(layer);
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const auto convolution = example.convolution(layer, *kernels);
        const auto forward = [&](const SlicedMap& input, const SlicedMap& output) {
            convolution->forward(input.map(), output.map(), {}, work_);
            return output.values();
        };
        const auto backward = [&](const SlicedMap& output, const SlicedMap& input) {
            convolution->backward(output.map(), input.map(), {}, work_);
            return input.values();
        };
        const auto shape = example.input.sizes().vec();
        const auto output_shape = example.output.sizes().vec();
        const SlicedMap output(output_shape, layer.outputs + 24, 16);
        EXPECT_TRUE(at::equal(forward(SlicedMap(example.input, 8, 5), output),
                              forward(SlicedMap(example.input), SlicedMap(output_shape))));
        EXPECT_TRUE(output.neighbours_are_untouched());
        const SlicedMap input(shape, layer.inputs + 13, 8);
        EXPECT_TRUE(at::equal(backward(SlicedMap(example.output_gradient, 8, 3), input),
                              backward(SlicedMap(example.output_gradient), SlicedMap(shape))));
        EXPECT_TRUE(input.neighbours_are_untouched());
    }
}

TEST_P(FrozenConvolutionActivated, FinishAddsActivatesAndRemembersSlopes) {
    const Layer& layer = GetParam();
    const Example example(layer);
    const Tensor addend = noise(example.output.sizes().vec(), layer.name + " addend");
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const auto convolution = example.convolution(layer, *kernels);
        const SlicedMap input(example.input);
        const SlicedMap added(addend, 3, 2);
        for (const Finishing activation : {Finishing::None, Finishing::Relu, Finishing::Relu6}) {
            SCOPED_TRACE(static_cast<int>(activation));
            const SlicedMap output(example.output.sizes().vec(), layer.outputs + 9, 8);
            SlopeBits bits(output.map(), 2);
            convolution->forward(input.map(), output.map(),
                                 {.addend = added.map().data,
                                  .addend_stride = added.map().stride,
                                  .activation = activation,
                                  .bits = bits.data(),
                                  .bits_stride = bits.stride()},
                                 work_);
            const Tensor found = output.values();
            const Tensor sums = example.output + addend;
            Tensor right = sums;
            Tensor slope = at::ones_like(sums, at::kBool);
            if (activation != Finishing::None) {
                right = activation == Finishing::Relu ? sums.relu() : sums.clamp(0, 6);
                // Of what was found: a sum within rounding of zero may fall on either side.
                slope = found > 0;
                slope = activation == Finishing::Relu ? slope : slope & (found < 6);
            }
            EXPECT_LT(relative_error(found, right), forward_tolerance(layer));
            EXPECT_TRUE(at::equal(bits.mask(), slope));
            EXPECT_TRUE(bits.spare_bytes_are_untouched());
            EXPECT_TRUE(output.neighbours_are_untouched());
        }
    }
}

TEST_P(FrozenConvolutionMasked, GradientsAddToWhatIsThereWhereTheActivationHadASlope) {
    const Layer& layer = GetParam();
    const Example example(layer);
    const Tensor before = noise(example.input.sizes().vec(), layer.name + " before");
    const Tensor slope = noise(example.input.sizes().vec(), layer.name + " slope") > 0;
    // As the executor has it: what other users of the map said has been masked already.
    const Tensor right = (before + example.input_gradient) * slope;
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const auto convolution = example.convolution(layer, *kernels);
        const SlicedMap gradient(example.output_gradient, 2, 1);
        const SlicedMap input(before * slope, 8, 1);
        SlopeBits keep(input.map(), slope);
        convolution->backward(gradient.map(), input.map(),
                              {.addend = input.map().data,
                               .addend_stride = input.map().stride,
                               .keep = keep.data(),
                               .keep_stride = keep.stride()},
                              work_);
        const Tensor found = input.values();
        EXPECT_LT(relative_error(found, right), backward_tolerance(layer));
        EXPECT_TRUE((found.masked_select(slope.logical_not()) == 0).all().item<bool>());
        EXPECT_TRUE(input.neighbours_are_untouched());
    }
}

TEST_P(FrozenConvolutionPoisoned, NanIsSeenByEveryWindowThatHoldsIt) {
    const Layer& layer = GetParam();
    Example example(layer);
    const Window& w = layer.window;
    Tensor where = at::zeros({layer.batch, 1, layer.size.height, layer.size.width}, at::kDouble);
    where.select(0, layer.batch - 1).select(1, layer.size.height / 2).select(1, layer.size.width / 2).fill_(1.0);
    const Tensor reached = convolved(w, where, at::ones({1, 1, w.kernel_h, w.kernel_w}, at::kDouble), {}) > 0;
    const Tensor poisoned = example.input.clone();
    poisoned.select(1, layer.inputs / 2).masked_fill_(where.select(1, 0) > 0, std::numeric_limits<double>::quiet_NaN());
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const auto convolution = example.convolution(layer, *kernels);
        const SlicedMap input(poisoned);
        for (const Finishing activation : {Finishing::Relu, Finishing::Relu6}) {
            const SlicedMap output(example.output.sizes().vec());
            output.fill(at::zeros_like(example.output));  // so that NaN is told from what was never written
            convolution->forward(input.map(), output.map(), {.activation = activation}, work_);
            const Tensor nan = output.values().isnan();
            EXPECT_TRUE(nan.masked_select(reached).all().item<bool>()) << static_cast<int>(activation);
        }
    }
}

constexpr Window square(std::int64_t kernel, std::int64_t pad, Padding padding = Padding::Zero,
                        std::int64_t stride = 1) {
    return {.kernel_h = kernel, .kernel_w = kernel, .stride = stride, .pad_h = pad, .pad_w = pad, .padding = padding};
}
constexpr Window same(std::int64_t kernel, std::int64_t stride = 1) { return square(kernel, 0, Padding::Same, stride); }
constexpr Window line(std::int64_t h, std::int64_t w, bool pad) {
    return {.kernel_h = h, .kernel_w = w, .pad_h = pad ? h / 2 : 0, .pad_w = pad ? w / 2 : 0};
}

/// Channels are chosen to end within a vector, on one, and within a panel; sides to end within a tile, and to be
/// smaller than one.
std::vector<Layer> layers() {
    constexpr auto kReplicate = Padding::Replicate;
    return {
        {"square", 24, 40, square(3, 1), {37, 29}},
        {"square_batch", 8, 24, square(3, 1), {13, 10}, 3},
        {"square_valid", 40, 8, square(3, 0), {22, 19}},
        {"square_valid_to_one_cell", 16, 24, square(3, 0), {3, 3}},
        {"square_same", 24, 24, same(3), {11, 14}},
        {"square_replicate", 40, 24, square(3, 1, kReplicate), {17, 21}},
        {"square_replicate_batch", 24, 16, square(3, 1, kReplicate), {9, 6}, 3},
        {"square_replicate_row", 16, 24, square(3, 1, kReplicate), {1, 7}},
        {"square_replicate_column", 16, 24, square(3, 1, kReplicate), {5, 1}},
        {"square_replicate_cell", 24, 40, square(3, 1, kReplicate), {1, 1}, 3},
        {"square_replicate_valid", 24, 16, square(3, 0, kReplicate), {8, 9}},
        {"square_cell", 24, 40, square(3, 1), {1, 1}},
        {"square_below_a_tile", 40, 80, square(3, 1), {2, 3}, 3},
        {"square_odd_channels", 13, 21, square(3, 1), {9, 15}},
        {"square_three_outputs", 24, 3, square(3, 1), {10, 18}},
        {"square_many_channels", 136, 264, square(3, 1), {18, 13}},
        {"square_many_tiles", 128, 256, square(3, 1), {37, 29}, 3},
        {"square_wide_pad", 8, 16, square(3, 2), {7, 9}},
        {"square_pad_on_one_axis", 24, 16, {.kernel_h = 3, .kernel_w = 3, .pad_h = 1}, {9, 11}},
        {"first", 3, 24, square(3, 1), {37, 29}},
        {"first_replicate", 3, 64, square(3, 1, kReplicate), {21, 18}, 3},
        {"first_valid", 3, 32, square(3, 0, Padding::Zero, 2), {29, 36}},
        {"first_same_even", 3, 32, same(3, 2), {36, 28}, 3},
        {"first_same_odd", 3, 32, same(3, 2), {37, 29}},
        {"first_same_mixed", 3, 40, same(3, 2), {6, 1}},
        {"first_wide", 3, 16, square(5, 2), {11, 8}},
        {"first_padded_halving", 3, 16, square(3, 1, Padding::Zero, 2), {8, 11}, 3},
        {"first_wide_halving", 4, 24, same(5, 2), {13, 12}},
        {"first_large_halving", 3, 64, square(7, 3, Padding::Zero, 2), {37, 28}},
        {"first_large_halving_batch", 3, 16, square(7, 3, Padding::Zero, 2), {6, 9}, 3},
        {"first_large_halving_cell", 3, 24, square(7, 3, Padding::Zero, 2), {1, 2}},
        {"first_large_valid", 3, 24, square(7, 0, Padding::Zero, 2), {14, 11}},
        {"first_by_thirds", 2, 8, square(5, 2, Padding::Zero, 3), {17, 13}},
        {"first_with_gaps", 3, 16, square(1, 0, Padding::Zero, 2), {8, 9}},
        {"first_of_one_channel", 1, 8, square(3, 1), {5, 9}},
        {"pointwise", 40, 80, square(1, 0), {37, 29}},
        {"pointwise_batch", 80, 24, square(1, 0), {7, 5}, 3},
        {"pointwise_cell", 96, 1000, square(1, 0), {1, 1}, 3},
        {"pointwise_stride", 24, 16, square(1, 0, Padding::Zero, 2), {8, 9}},
        {"wide", 48, 64, square(5, 2), {13, 17}},
        {"wide_batch", 16, 24, square(5, 2), {3, 2}, 3},
        {"wide_same", 8, 24, same(5), {9, 12}},
        {"short_row", 40, 24, line(1, 3, true), {7, 9}},
        {"short_column", 24, 40, line(3, 1, true), {8, 5}, 3},
        {"long_row", 40, 24, line(1, 7, true), {17, 19}},
        {"long_row_batch", 24, 80, line(1, 7, true), {5, 6}, 3},
        {"long_row_valid", 8, 24, line(1, 7, false), {6, 16}},
        {"long_row_same", 16, 24, {.kernel_h = 1, .kernel_w = 7, .padding = Padding::Same}, {4, 11}},
        {"long_row_cell", 24, 40, line(1, 7, true), {1, 1}},
        {"long_row_below_a_tile", 40, 8, line(1, 7, true), {3, 2}, 3},
        {"long_row_many_channels", 160, 208, line(1, 7, true), {12, 17}},
        {"long_row_many_tiles", 160, 208, line(1, 7, true), {37, 29}, 2},
        {"long_row_padded_across", 16, 24, {.kernel_h = 1, .kernel_w = 7, .pad_h = 1, .pad_w = 3}, {5, 9}},
        {"long_column", 24, 40, line(7, 1, true), {19, 17}},
        {"long_column_batch", 80, 24, line(7, 1, true), {6, 5}, 3},
        {"long_column_valid", 24, 8, line(7, 1, false), {16, 6}},
        {"long_column_below_a_tile", 24, 40, line(7, 1, true), {1, 4}, 3},
        {"long_column_odd_channels", 11, 19, line(7, 1, true), {9, 5}},
        {"halving_valid_odd", 24, 40, square(3, 0, Padding::Zero, 2), {37, 29}},
        {"halving_valid_even", 40, 24, square(3, 0, Padding::Zero, 2), {12, 18}, 3},
        {"halving_valid_to_one_cell", 24, 40, square(3, 0, Padding::Zero, 2), {4, 3}},
        {"halving_padded", 16, 24, square(3, 1, Padding::Zero, 2), {9, 8}},
        {"halving_same_odd", 24, 40, same(3, 2), {13, 9}},
        {"halving_same_even", 40, 8, same(3, 2), {14, 8}, 3},
        {"halving_same_cell", 24, 16, same(3, 2), {1, 1}},
        {"depthwise", 40, 40, same(3), {37, 29}, 1, true},
        {"depthwise_wide", 80, 80, same(5), {13, 10}, 3, true},
        {"depthwise_padded", 24, 24, square(3, 1), {7, 11}, 1, true},
        {"depthwise_halving_odd", 24, 24, same(3, 2), {13, 9}, 3, true},
        {"depthwise_halving_even", 40, 40, same(3, 2), {12, 18}, 1, true},
        {"depthwise_wide_halving_odd", 8, 8, same(5, 2), {29, 37}, 1, true},
        {"depthwise_wide_halving_even", 24, 24, same(5, 2), {6, 4}, 3, true},
        {"depthwise_cell", 40, 40, same(5, 2), {1, 1}, 1, true},
        {"depthwise_odd_channels", 13, 13, same(3), {5, 6}, 1, true},
    };
}

std::string name_of(const testing::TestParamInfo<Layer>& tested) { return tested.param.name; }

std::vector<Layer> layers_that(bool (*fit)(const Layer&)) {
    std::vector<Layer> found = layers();
    std::erase_if(found, [&](const Layer& layer) { return !fit(layer); });
    return found;
}

INSTANTIATE_TEST_SUITE_P(Layers, FrozenConvolution, testing::ValuesIn(layers()), name_of);
INSTANTIATE_TEST_SUITE_P(Layers, FrozenConvolutionActivated,
                         testing::ValuesIn(layers_that([](const Layer& layer) { return layer.outputs % 8 == 0; })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Layers, FrozenConvolutionMasked,
                         testing::ValuesIn(layers_that([](const Layer& layer) { return layer.inputs % 8 == 0; })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Layers, FrozenConvolutionPoisoned,
                         testing::ValuesIn(layers_that([](const Layer& layer) { return !layer.depthwise; })), name_of);

TEST(FrozenConvolutions, LayersAboveShareBlocksAndTakeThemAlone) {
    std::set<bool> squares;
    std::set<bool> lines;
    for (const Layer& layer : layers()) {
        const Node node = node_of(layer);
        const Size size = layer.size;
        const auto shared = [&](std::int64_t tiles) {
            return kernels::tile_block(tiles, layer.inputs, layer.outputs, 2).shared;
        };
        if (frozen::is_square_winograd(node)) {
            squares.insert(shared(layer.batch * ((size.height + 3) / 4) * ((size.width + 3) / 4)));
        } else if (frozen::is_line_winograd(node)) {
            const std::int64_t lines_count = layer.window.kernel_h == 1 ? size.height : size.width;
            const std::int64_t length = layer.window.kernel_h == 1 ? size.width : size.height;
            lines.insert(shared(layer.batch * lines_count * ((length + 3) / 4)));
        }
    }
    EXPECT_EQ(squares, (std::set<bool>{false, true}));
    EXPECT_EQ(lines, (std::set<bool>{false, true}));
}

TEST(FrozenConvolutions, ResultsDoNotDependOnThreads) {
    for (const Layer& layer : layers()) {
        const Example example(layer);
        const auto both = [&](int threads) {
            const ThreadShare share(threads);
            frozen::Workspace work;
            const auto convolution = example.convolution(layer, kernels::best_kernels());
            const SlicedMap output(example.output.sizes().vec());
            convolution->forward(SlicedMap(example.input).map(), output.map(), {}, work);
            const SlicedMap input(example.input.sizes().vec());
            convolution->backward(SlicedMap(example.output_gradient).map(), input.map(), {}, work);
            return std::pair{output.values(), input.values()};
        };
        const auto [output, gradient] = both(1);
        for (const int threads : {2, 3}) {
            const auto [other_output, other_gradient] = both(threads);
            EXPECT_TRUE(at::equal(output, other_output)) << layer.name << " " << threads;
            EXPECT_TRUE(at::equal(gradient, other_gradient)) << layer.name << " " << threads;
        }
    }
}

TEST(FrozenConvolutions, ReplicatedBordersAreForThreeByThreeAlone) {
    const auto can = [](const Window& window, std::int64_t groups = 1) {
        return frozen::can_convolve(
            {.op = Op::Convolution, .inputs = {0}, .channels = 8, .window = window, .groups = groups});
    };
    EXPECT_TRUE(can(square(3, 1, Padding::Replicate)));
    EXPECT_FALSE(can(square(3, 1, Padding::Replicate), 8));
    EXPECT_FALSE(can(square(3, 1, Padding::Replicate, 2)));
    EXPECT_FALSE(can(square(3, 2, Padding::Replicate)));
    EXPECT_FALSE(can(square(5, 2, Padding::Replicate)));
    EXPECT_TRUE(can(square(5, 2)));
}

TEST(FrozenConvolutions, WeightsAreReadOnceForEachDirection) {
    const Layer layer{"square", 8, 16, square(3, 1), {5, 6}};
    const Example example(layer);
    int reads = 0;
    const auto read = [&] {
        ++reads;
        return NodeWeights{example.weight.to(at::kFloat), example.bias.to(at::kFloat)};
    };
    const auto convolution = frozen::make_convolution(node_of(layer), layer.inputs, read, kernels::best_kernels());
    EXPECT_EQ(reads, 0);  // a layer that no tap needs costs nothing
    frozen::Workspace work;
    const SlicedMap input(example.input);
    const SlicedMap output(example.output.sizes().vec());
    convolution->forward(input.map(), output.map(), {}, work);
    convolution->forward(input.map(), output.map(), {}, work);
    EXPECT_EQ(reads, 1);
    convolution->backward(output.map(), input.map(), {}, work);
    convolution->backward(output.map(), input.map(), {}, work);
    EXPECT_EQ(reads, 2);
}

TEST(FrozenFinish, EverythingHappensInTheOrderDocumented) {
    // bias and addend, then the activation, then its slope is remembered, then the mask.
    const ThreadShare two(2);
    frozen::Workspace work;
    const std::vector<std::int64_t> shape = {3, 24, 19, 7};  // more pixels than a block
    const Tensor x = noise(shape, "x") * 8;
    const Tensor bias = noise({24}, "bias").to(at::kFloat).contiguous();
    const Tensor addend = noise(shape, "addend");
    const Tensor mask = noise(shape, "mask") > 0;
    // In float32 and in this order: what was found must be it to the bit.
    const Tensor sums = x.to(at::kFloat) + bias.view({1, 24, 1, 1}) + addend.to(at::kFloat);
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        SCOPED_TRACE(kernels->name);
        const SlicedMap from(x, 1, 2);
        const SlicedMap added(addend, 0, 5);
        const SlicedMap to(shape, 40, 11);
        SlopeBits bits(to.map(), 1);
        SlopeBits keep(to.map(), mask);
        frozen::finish_map(from.map(), to.map(),
                           {.bias = bias.data_ptr<float>(),
                            .addend = added.map().data,
                            .addend_stride = added.map().stride,
                            .activation = Finishing::Relu6,
                            .bits = bits.data(),
                            .bits_stride = bits.stride(),
                            .keep = keep.data(),
                            .keep_stride = keep.stride()},
                           *kernels, work);
        EXPECT_TRUE(at::equal(to.values(), (sums.clamp(0, 6) * mask).to(at::kDouble)));
        EXPECT_TRUE(at::equal(bits.mask(), (sums > 0) & (sums < 6)));
        EXPECT_TRUE(bits.spare_bytes_are_untouched());
        EXPECT_TRUE(to.neighbours_are_untouched());
    }
}

TEST(FrozenFinish, SlopesEndExactlyAtZeroAndSix) {
    frozen::Workspace work;
    const float below = std::nextafter(6.0F, 0.0F);
    const Tensor x = at::tensor({-1.0F, -0.0F, 0.0F, 1e-30F, 1.0F, below, 6.0F, 7.0F}).view({1, 8, 1, 1});
    const auto slopes = [&](const Kernels& kernels, Finishing activation) {
        const SlicedMap from(x);
        const SlicedMap to({1, 8, 1, 1});
        SlopeBits bits(to.map());
        frozen::finish_map(from.map(), to.map(),
                           {.activation = activation, .bits = bits.data(), .bits_stride = bits.stride()}, kernels,
                           work);
        return bits.data()[0];
    };
    for (const Kernels* kernels : kernels::runnable_kernels()) {
        EXPECT_EQ(slopes(*kernels, Finishing::Relu), 0b11111000) << kernels->name;
        EXPECT_EQ(slopes(*kernels, Finishing::Relu6), 0b00111000) << kernels->name;
        EXPECT_EQ(slopes(*kernels, Finishing::None), 0b11111111) << kernels->name;
    }
}

}  // namespace
}  // namespace reverie
