// Convolutions in training, their transposes and all gradients, on every kernel set of this processor, against LibTorch
// in float64.

#include "kernels/convolution_tensors.h"
#include "kernels/winograd_convolution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/kernel_choice.h"
#include "reverie/core/parallel.h"
#include "support/frozen_maps.h"

namespace reverie {
namespace {

using kernels::Kernels;
using kernels::SquareWindow;
using kernels::WinogradWindow;
using kernels::Workspace;
using test::noise;

// Transforms multiply by up to 8 what cancels later, on both axes, and the errors of many channels add up: 1e-6 to 4e-6
// was measured for DCGAN's layers, up to 512 channels. What training asks for is 1e-4.
constexpr double kTolerance = 2e-5;

struct Layer {
    SquareWindow window;
    std::int64_t batch, inputs, outputs, height, width;
};
std::string name_of(const Layer& l) {
    const auto text = [](std::int64_t n) { return std::to_string(n); };
    return "window" + text(l.window.size) + "step" + text(l.window.stride) + "pad" + text(l.window.padding) + "_" +
           text(l.inputs) + "to" + text(l.outputs) + "at" + text(l.height) + "x" + text(l.width) + "times" +
           text(l.batch);
}
void PrintTo(const Layer& layer, std::ostream* out) { *out << name_of(layer); }

constexpr SquareWindow kStrided = {4, 2, 1};
constexpr SquareWindow kSquare = {3, 1, 1};
constexpr SquareWindow kHalving = {3, 2, 1};

/// Even sizes, odd ones, tiles cut short, channels beside the vectors' width, the ends of nets, more than one run of
/// transformed tiles, maps smaller than a tile, and windows that only products over windows know.
const std::vector<Layer> kLayers = {
    {kStrided, 2, 16, 32, 16, 16}, {kStrided, 3, 24, 40, 10, 14}, {kStrided, 2, 8, 8, 9, 13},
    {kStrided, 1, 33, 19, 7, 5},   {kStrided, 2, 3, 64, 16, 16},  {kStrided, 1, 64, 3, 16, 16},
    {kStrided, 2, 1, 1, 4, 4},     {kStrided, 5, 5, 7, 2, 3},     {kStrided, 2, 100, 130, 8, 8},
    {kStrided, 9, 64, 72, 34, 31}, {kStrided, 1, 4, 50, 3, 2},    {kStrided, 70, 16, 8, 8, 8},
    {kStrided, 2, 47, 49, 12, 6},  {kStrided, 3, 2, 33, 17, 40},  {kStrided, 2, 4, 130, 64, 63},
    {kSquare, 2, 16, 32, 8, 8},    {kSquare, 3, 24, 40, 10, 7},   {kSquare, 2, 8, 8, 9, 13},
    {kSquare, 1, 33, 19, 3, 5},    {kSquare, 2, 3, 64, 16, 16},   {kSquare, 1, 64, 3, 16, 16},
    {kSquare, 2, 1, 1, 4, 4},      {kSquare, 5, 5, 7, 1, 2},      {kSquare, 2, 100, 130, 8, 8},
    {kSquare, 9, 64, 72, 34, 31},  {kSquare, 70, 32, 12, 4, 4},   {kHalving, 2, 16, 32, 16, 16},
    {kHalving, 3, 24, 40, 9, 14},  {kHalving, 1, 33, 19, 7, 5},   {kHalving, 2, 3, 64, 16, 16},
    {kHalving, 2, 20, 24, 2, 2},   {{1, 1, 0}, 2, 40, 24, 7, 5},  {{1, 1, 0}, 3, 260, 7, 1, 1},
    {{4, 1, 0}, 5, 30, 1, 4, 4},   {{4, 1, 0}, 70, 50, 9, 4, 4},  {{5, 1, 2}, 2, 20, 24, 9, 11},
    {{5, 2, 2}, 2, 6, 10, 12, 13}, {{3, 2, 0}, 2, 10, 12, 9, 8},  {{9, 1, 4}, 1, 3, 16, 20, 18},
    {{9, 1, 4}, 1, 16, 3, 20, 18}, {{2, 3, 0}, 2, 5, 6, 10, 9}};

double relative_l2(const Tensor& found, const Tensor& wanted) {
    return ((found.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

struct Numbers {
    Tensor large, weight, bias, large_bias, small;  // float64 that float32 holds

    explicit Numbers(const Layer& l)
        : large(noise({l.batch, l.inputs, l.height, l.width}, "large")),
          weight(noise({l.outputs, l.inputs, l.window.size, l.window.size}, "weight")),
          bias(noise({l.outputs}, "bias")),
          large_bias(noise({l.inputs}, "large bias")),
          small(noise({l.batch, l.outputs, cells(l, l.height), cells(l, l.width)}, "small")) {}

    static std::int64_t cells(const Layer& l, std::int64_t side) {
        return (side + 2 * l.window.padding - l.window.size) / l.window.stride + 1;
    }
};

Tensor single(const Tensor& t) { return t.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast); }
Tensor single_line(const Tensor& t) { return t.to(at::kFloat); }

/// Everything that a training step asks of a layer.
std::vector<Tensor> all_products(const Layer& l, const Kernels& kernels) {
    const Numbers n(l);
    Workspace work;
    const kernels::Machine machine = {kernels, work};
    return {kernels::convolve(l.window, single(n.large), single(n.weight), single_line(n.bias), {}, {}, machine),
            kernels::spread(l.window, single(n.small), single(n.weight), {}, l.height, l.width, machine),
            kernels::correlate(l.window, single(n.large), single(n.small), machine),
            kernels::spread(l.window, single(n.small), single(n.weight), single_line(n.large_bias), l.height, l.width,
                            machine),
            kernels::sum_pixels(single(n.small), machine)};
}

class ConvolutionKernels : public testing::TestWithParam<std::tuple<Layer, const Kernels*>> {
  protected:
    const Layer& layer() const { return std::get<0>(GetParam()); }
    const Kernels& kernels() const { return *std::get<1>(GetParam()); }

  private:
    c10::NoGradGuard no_grad_;
};

TEST_P(ConvolutionKernels, GiveWhatFloat64Gives) {
    const Layer& l = layer();
    const Numbers n(l);
    const std::vector<std::int64_t> stride(2, l.window.stride);
    const std::vector<std::int64_t> padding(2, l.window.padding);
    const std::vector<Tensor> found = all_products(l, kernels());
    EXPECT_LE(relative_l2(found[0], at::conv2d(n.large, n.weight, n.bias, stride, padding)), kTolerance) << "forward";
    const auto [input_gradient, weight_gradient, bias_gradient] = at::convolution_backward(
        n.small, n.large, n.weight, l.outputs, stride, padding, {1, 1}, false, {0, 0}, 1, {true, true, true});
    EXPECT_LE(relative_l2(found[1], input_gradient), kTolerance) << "gradient of the input";
    EXPECT_LE(relative_l2(found[2], weight_gradient), kTolerance) << "gradient of the weights";
    EXPECT_LE(relative_l2(found[4], bias_gradient), kTolerance) << "gradient of the bias";
    EXPECT_LE(relative_l2(found[3], input_gradient + n.large_bias.view({1, -1, 1, 1})), kTolerance) << "transposed";
}

TEST_P(ConvolutionKernels, GiveTheSameBitsWithAnyNumberOfThreads) {
    std::vector<std::vector<Tensor>> found;
    for (const int count : {1, 2, 5}) {
        const ThreadShare share(count);
        found.push_back(all_products(layer(), kernels()));
    }
    for (std::size_t i = 1; i < found.size(); ++i) {
        for (std::size_t product = 0; product < found[i].size(); ++product) {
            EXPECT_TRUE(at::equal(found[0][product], found[i][product])) << "product " << product;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Layers, ConvolutionKernels,
                         testing::Combine(testing::ValuesIn(kLayers), testing::ValuesIn(kernels::runnable_kernels())),
                         [](const auto& from) {
                             std::string set = std::get<1>(from.param)->name;
                             std::erase(set, '-');
                             return name_of(std::get<0>(from.param)) + "_" + set;
                         });

TEST(ConvolutionKernelsOnSlices, FinishesEveryPanel) {
    const c10::NoGradGuard no_grad;
    for (const std::int64_t inputs : {3, 20}) {  // window products and transforms
        const Numbers n({kStrided, 2, inputs, 72, 12, 9});
        for (const Kernels* const kernels : kernels::runnable_kernels()) {
            Workspace work;
            const test::SlicedMap large(n.large);
            const test::SlicedMap small({2, 72, 6, 4});
            test::SlopeBits bits(small.map(), 1);
            const Tensor weight = n.weight.to(at::kFloat).permute({0, 2, 3, 1}).contiguous();
            const Tensor bias = n.bias.to(at::kFloat);
            const kernels::Finish finish = {.bias = bias.data_ptr<float>(),
                                            .activation = kernels::Finishing::Relu,
                                            .bits = bits.data(),
                                            .bits_stride = bits.stride()};
            if (inputs == 3) {
                kernels::convolve_windows(kStrided, large.map(), weight.data_ptr<float>(), small.map(), finish,
                                          *kernels, work);
            } else {
                kernels::convolve_tiles(WinogradWindow::Strided, large.map(), weight.data_ptr<float>(), small.map(),
                                        finish, *kernels, work);
            }
            const Tensor wanted = at::conv2d(n.large, n.weight, n.bias, {2, 2}, {1, 1}).relu();
            EXPECT_LE(relative_l2(small.values(), wanted), kTolerance) << kernels->name;
            EXPECT_TRUE(at::equal(bits.mask(), small.values() > 0)) << kernels->name;
            EXPECT_TRUE(bits.spare_bytes_are_untouched()) << kernels->name;
        }
    }
}

TEST(ConvolutionKernelsOnSlices, LeavesNeighboursAloneAndTakesAnAddend) {
    const c10::NoGradGuard no_grad;
    const Numbers n({kStrided, 2, 20, 24, 11, 12});
    const Tensor addend = noise({2, 24, 5, 6}, "addend");
    for (const Kernels* const kernels : kernels::runnable_kernels()) {
        Workspace work;
        const test::SlicedMap large(n.large, 3, 5);
        const test::SlicedMap small({2, 24, 5, 6}, 40, 7);
        const test::SlicedMap added(addend, 1, 2);
        const Tensor weight = n.weight.to(at::kFloat).permute({0, 2, 3, 1}).contiguous();
        kernels::convolve_tiles(WinogradWindow::Strided, large.map(), weight.data_ptr<float>(), small.map(),
                                {.addend = added.map().data, .addend_stride = added.map().stride}, *kernels, work);
        const Tensor wanted = at::conv2d(n.large, n.weight, {}, {2, 2}, {1, 1}) + addend;
        EXPECT_LE(relative_l2(small.values(), wanted), kTolerance) << kernels->name;
        EXPECT_TRUE(small.neighbours_are_untouched()) << kernels->name;
        const test::SlicedMap back({2, 20, 11, 12}, 31, 4);
        small.fill(n.small);
        kernels::spread_tiles(WinogradWindow::Strided, small.map(), weight.data_ptr<float>(), back.map(), nullptr,
                              *kernels, work);
        EXPECT_LE(relative_l2(back.values(), at::conv_transpose2d(n.small, n.weight, {}, {2, 2}, {1, 1}, {1, 0})),
                  kTolerance)
            << kernels->name;
        EXPECT_TRUE(back.neighbours_are_untouched()) << kernels->name;
    }
}

}  // namespace
}  // namespace reverie
