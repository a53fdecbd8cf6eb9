// Convolutions of 4x4 windows with stride 2, their transposes and all gradients, on every kernel set of this processor,
// against LibTorch in float64.

#include "kernels/strided_convolution.h"

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
using kernels::Workspace;
using test::noise;

// Transforms multiply by up to 8 what cancels later, on both axes, and the errors of many channels add up: 1e-6 to 4e-6
// was measured for DCGAN's layers, up to 512 channels. What training asks for is 1e-4.
constexpr double kTolerance = 2e-5;

struct Layer {
    std::int64_t batch, inputs, outputs, height, width;
};
std::string name_of(const Layer& l) {
    const auto text = [](std::int64_t n) { return std::to_string(n); };
    return text(l.inputs) + "to" + text(l.outputs) + "at" + text(l.height) + "x" + text(l.width) + "times" +
           text(l.batch);
}
void PrintTo(const Layer& layer, std::ostream* out) { *out << name_of(layer); }

/// Even sizes, odd ones, tiles cut short, channels beside the vectors' width, the ends of nets, and more than one run
/// of transformed tiles.
const std::vector<Layer> kLayers = {{2, 16, 32, 16, 16}, {3, 24, 40, 10, 14}, {2, 8, 8, 9, 13},   {1, 33, 19, 7, 5},
                                    {2, 3, 64, 16, 16},  {1, 64, 3, 16, 16},  {2, 1, 1, 4, 4},    {5, 5, 7, 2, 3},
                                    {2, 100, 130, 8, 8}, {9, 64, 72, 34, 31}, {1, 4, 50, 3, 2},   {70, 16, 8, 8, 8},
                                    {2, 47, 49, 12, 6},  {3, 2, 33, 17, 40},  {2, 4, 130, 64, 63}};

double relative_l2(const Tensor& found, const Tensor& wanted) {
    return ((found.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

struct Numbers {
    Tensor large, weight, bias, large_bias, small;  // float64 that float32 holds

    explicit Numbers(const Layer& l)
        : large(noise({l.batch, l.inputs, l.height, l.width}, "large")),
          weight(noise({l.outputs, l.inputs, 4, 4}, "weight")),
          bias(noise({l.outputs}, "bias")),
          large_bias(noise({l.inputs}, "large bias")),
          small(noise({l.batch, l.outputs, l.height / 2, l.width / 2}, "small")) {}
};

Tensor single(const Tensor& t) { return t.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast); }
Tensor single_line(const Tensor& t) { return t.to(at::kFloat); }

/// Everything that a training step asks of a layer.
std::vector<Tensor> all_products(const Numbers& n, const Kernels& kernels) {
    Workspace work;
    return {
        kernels::convolve_strided(single(n.large), single(n.weight), single_line(n.bias), kernels, work),
        kernels::spread_strided(single(n.small), single(n.weight), {}, n.large.size(2), n.large.size(3), kernels, work),
        kernels::correlate_strided(single(n.large), single(n.small), kernels, work),
        kernels::spread_strided(single(n.small), single(n.weight), single_line(n.large_bias), n.large.size(2),
                               n.large.size(3), kernels, work),
        kernels::sum_pixels(single(n.small), work)};
}

class StridedConvolution : public testing::TestWithParam<std::tuple<Layer, const Kernels*>> {
  protected:
    const Layer& layer() const { return std::get<0>(GetParam()); }
    const Kernels& kernels() const { return *std::get<1>(GetParam()); }

  private:
    c10::NoGradGuard no_grad_;
};

TEST_P(StridedConvolution, GivesWhatFloat64Gives) {
    const Numbers n(layer());
    const std::vector<Tensor> found = all_products(n, kernels());
    EXPECT_LE(relative_l2(found[0], at::conv2d(n.large, n.weight, n.bias, {2, 2}, {1, 1})), kTolerance) << "forward";
    const auto [input_gradient, weight_gradient, bias_gradient] = at::convolution_backward(
        n.small, n.large, n.weight, layer().outputs, {2, 2}, {1, 1}, {1, 1}, false, {0, 0}, 1, {true, true, true});
    EXPECT_LE(relative_l2(found[1], input_gradient), kTolerance) << "gradient of the input";
    EXPECT_LE(relative_l2(found[2], weight_gradient), kTolerance) << "gradient of the weights";
    EXPECT_LE(relative_l2(found[4], bias_gradient), kTolerance) << "gradient of the bias";
    const std::vector<std::int64_t> odd = {layer().height % 2, layer().width % 2};
    const Tensor transposed = at::conv_transpose2d(n.small, n.weight, n.large_bias, {2, 2}, {1, 1}, odd);
    EXPECT_LE(relative_l2(found[3], transposed), kTolerance) << "transposed";
}

TEST_P(StridedConvolution, GivesTheSameBitsWithAnyNumberOfThreads) {
    const Numbers n(layer());
    const int threads = at::get_num_threads();
    std::vector<std::vector<Tensor>> found;
    for (const int count : {1, 2, 5}) {
        at::set_num_threads(count);
        found.push_back(all_products(n, kernels()));
    }
    at::set_num_threads(threads);
    for (std::size_t i = 1; i < found.size(); ++i) {
        for (std::size_t product = 0; product < found[i].size(); ++product) {
            EXPECT_TRUE(at::equal(found[0][product], found[i][product])) << "product " << product;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Layers, StridedConvolution,
                         testing::Combine(testing::ValuesIn(kLayers), testing::ValuesIn(kernels::runnable_kernels())),
                         [](const auto& from) {
                             std::string set = std::get<1>(from.param)->name;
                             std::erase(set, '-');
                             return name_of(std::get<0>(from.param)) + "_" + set;
                         });

TEST(StridedConvolutionOnSlices, FinishesEveryPanel) {
    const c10::NoGradGuard no_grad;
    for (const std::int64_t inputs : {3, 20}) {  // window products and transforms
        const Numbers n({2, inputs, 72, 12, 9});
        for (const Kernels* const kernels : kernels::runnable_kernels()) {
            Workspace work;
            const test::SlicedMap large(n.large);
            const test::SlicedMap small({2, 72, 6, 4});
            test::SlopeBits bits(small.map(), 1);
            const Tensor weight = n.weight.to(at::kFloat).permute({0, 2, 3, 1}).contiguous();
            const Tensor bias = n.bias.to(at::kFloat);
            kernels::convolve_strided(large.map(), weight.data_ptr<float>(), small.map(),
                                     {.bias = bias.data_ptr<float>(),
                                      .activation = kernels::Finishing::Relu,
                                      .bits = bits.data(),
                                      .bits_stride = bits.stride()},
                                     *kernels, work);
            const Tensor wanted = at::conv2d(n.large, n.weight, n.bias, {2, 2}, {1, 1}).relu();
            EXPECT_LE(relative_l2(small.values(), wanted), kTolerance) << kernels->name;
            EXPECT_TRUE(at::equal(bits.mask(), small.values() > 0)) << kernels->name;
            EXPECT_TRUE(bits.spare_bytes_are_untouched()) << kernels->name;
        }
    }
}

TEST(StridedConvolutionOnSlices, LeavesNeighboursAloneAndTakesAnAddend) {
    const c10::NoGradGuard no_grad;
    const Numbers n({2, 20, 24, 11, 12});
    const Tensor addend = noise({2, 24, 5, 6}, "addend");
    for (const Kernels* const kernels : kernels::runnable_kernels()) {
        Workspace work;
        const test::SlicedMap large(n.large, 3, 5);
        const test::SlicedMap small({2, 24, 5, 6}, 40, 7);
        const test::SlicedMap added(addend, 1, 2);
        const Tensor weight = n.weight.to(at::kFloat).permute({0, 2, 3, 1}).contiguous();
        kernels::convolve_strided(large.map(), weight.data_ptr<float>(), small.map(),
                                 {.addend = added.map().data, .addend_stride = added.map().stride}, *kernels, work);
        const Tensor wanted = at::conv2d(n.large, n.weight, {}, {2, 2}, {1, 1}) + addend;
        EXPECT_LE(relative_l2(small.values(), wanted), kTolerance) << kernels->name;
        EXPECT_TRUE(small.neighbours_are_untouched()) << kernels->name;
        const test::SlicedMap back({2, 20, 11, 12}, 31, 4);
        small.fill(n.small);
        kernels::spread_strided(small.map(), weight.data_ptr<float>(), back.map(), nullptr, *kernels, work);
        EXPECT_LE(relative_l2(back.values(), at::conv_transpose2d(n.small, n.weight, {}, {2, 2}, {1, 1}, {1, 0})),
                  kTolerance)
            << kernels->name;
        EXPECT_TRUE(back.neighbours_are_untouched()) << kernels->name;
    }
}

}  // namespace
}  // namespace reverie
