// Convolutions as nets call them: values and derivatives of first and second order against LibTorch in float64, the
// choice between our kernels and LibTorch, and what is refused.

#include "kernels/convolution.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "reverie/core/parallel.h"
#include "support/expect_error.h"
#include "support/frozen_maps.h"

namespace reverie {
namespace {

using test::noise;
using test::relative_error;
using torch::autograd::grad;

// As in test_convolution_kernels.cpp; two layers one after the other, and derivatives of derivatives, add theirs up.
constexpr double kTolerance = 5e-5;
constexpr double kSlope = 0.2;

enum class Layout { Contiguous, ChannelsLast, Slices };

/// Float32 leaves of a graph, or the same in float64.
Tensor leaf(const Tensor& values, at::ScalarType type, Layout layout) {
    Tensor t = values.to(type);
    if (layout == Layout::ChannelsLast && t.dim() == 4) {
        t = t.contiguous(at::MemoryFormat::ChannelsLast);
    } else if (layout == Layout::Slices) {  // every second number of a wider tensor
        t = at::stack({t, at::full_like(t, 7.0)}, -1).select(-1, 0);
    }
    return t.detach().requires_grad_();
}

struct Case {
    bool transposed;
    std::int64_t batch, in, out, height, width;
    bool bias;
    std::optional<double> slope;
    std::int64_t output_padding = 0;
    std::int64_t window = 4, stride = 2, padding = 1;
};
const std::vector<Case> kCases = {{false, 2, 16, 24, 12, 10, true, kSlope},
                                  {false, 3, 3, 20, 9, 8, true, 0.0},
                                  {false, 1, 20, 1, 7, 6, false, {}},
                                  {true, 2, 24, 16, 5, 6, true, {}},
                                  {true, 3, 20, 3, 4, 3, false, {}, 1},
                                  {true, 2, 7, 1, 1, 1, true, {}},
                                  {false, 2, 16, 12, 7, 9, true, kSlope, 0, 3, 1, 1},
                                  {false, 2, 16, 12, 9, 8, true, {}, 0, 3, 2, 1},
                                  {true, 2, 16, 12, 5, 4, true, {}, 1, 3, 2, 1},
                                  {true, 3, 12, 6, 1, 1, false, {}, 0, 4, 1, 0},
                                  {false, 2, 5, 6, 8, 7, true, kSlope, 0, 5, 1, 2}};

Tensor reference(const Case& c, const Tensor& x, const Tensor& w, const Tensor& b) {
    const Tensor y = c.transposed ? at::conv_transpose2d(x, w, b, c.stride, c.padding, c.output_padding)
                                  : at::conv2d(x, w, b, c.stride, c.padding);
    return c.slope ? at::leaky_relu(y, *c.slope) : y;
}

Tensor ours(const Case& c, const Tensor& x, const Tensor& w, const Tensor& b) {
    return c.transposed ? transposed_convolution(x, w, b, c.stride, c.padding, c.output_padding)
                        : convolution(x, w, b, c.stride, c.padding, {.leaky_slope = c.slope});
}

/// The output, the gradients to all inputs, and those of a weighted sum of these gradients to the inputs and to what
/// came from behind.
template <typename Function>
std::vector<Tensor> derivatives(const Case& c, at::ScalarType type, Layout layout, const Function& function) {
    const Tensor x = leaf(noise({c.batch, c.in, c.height, c.width}, "x"), type, layout);
    const std::vector<std::int64_t> window =
        c.transposed ? std::vector{c.in, c.out, c.window, c.window} : std::vector{c.out, c.in, c.window, c.window};
    const Tensor w = leaf(noise(window, "w"), type, layout);
    const Tensor b = c.bias ? leaf(noise({c.out}, "b"), type, layout) : Tensor();
    std::vector<Tensor> found = {function(c, x, w, b)};
    const Tensor behind = leaf(noise(found[0].sizes().vec(), "behind"), type, layout);
    std::vector<Tensor> inputs = {x, w};
    if (b.defined()) {
        inputs.push_back(b);
    }
    const std::vector<Tensor> first = grad({found[0]}, inputs, {behind}, true, true);
    found.insert(found.end(), first.begin(), first.end());
    std::vector<Tensor> weights;
    for (const Tensor& g : first) {
        weights.push_back(leaf(noise(g.sizes().vec(), "second"), type, layout).detach());
    }
    const std::vector<Tensor> second = grad(first, {x, w, behind}, weights);
    found.insert(found.end(), second.begin(), second.end());
    return found;
}

/// gamma / 2 of the mean square of a critic's gradient to its images (Mescheder et al. 2018), and its gradients to all
/// weights of two layers.
template <typename Layer>
std::vector<Tensor> r1_penalty(at::ScalarType type, Layout layout, const Layer& layer) {
    const Tensor images = leaf(noise({3, 3, 20, 18}, "images"), type, layout);
    const std::vector<Tensor> weights = {
        leaf(noise({24, 3, 4, 4}, "w1"), type, layout), leaf(noise({24}, "b1"), type, layout),
        leaf(0.1 * noise({40, 24, 4, 4}, "w2"), type, layout), leaf(noise({40}, "b2"), type, layout)};
    const Tensor maps = layer(layer(images, weights[0], weights[1]), weights[2], weights[3]);
    const Tensor g = grad({maps.square().sum()}, {images}, {}, std::nullopt, true).front();
    const Tensor penalty = 0.5 * g.square().sum() / 3;
    std::vector<Tensor> found = grad({penalty}, weights);
    found.push_back(penalty.detach());
    return found;
}

void expect_same_bits(const std::vector<Tensor>& found, const std::vector<Tensor>& wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_TRUE(at::equal(found[i], wanted[i])) << "tensor " << i;
    }
}

void expect_close(const std::vector<Tensor>& found, const std::vector<Tensor>& wanted) {
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].sizes(), wanted[i].sizes()) << "tensor " << i;
        EXPECT_LE(relative_error(found[i].detach(), wanted[i].detach()), kTolerance) << "tensor " << i;
    }
}

TEST(Convolution, HasTheDerivativesOfFloat64) {
    for (const Case& c : kCases) {
        const std::vector<Tensor> wanted = derivatives(c, at::kDouble, Layout::Contiguous, reference);
        for (const Layout layout : {Layout::Contiguous, Layout::ChannelsLast, Layout::Slices}) {
            SCOPED_TRACE(std::to_string(c.in) + " to " + std::to_string(c.out) + ", layout " +
                         std::to_string(static_cast<int>(layout)));
            expect_close(derivatives(c, at::kFloat, layout, ours), wanted);
        }
    }
}

TEST(Convolution, HasTheDerivativesOfAnR1Penalty) {
    const auto wanted =
        r1_penalty(at::kDouble, Layout::Contiguous, [](const Tensor& x, const Tensor& w, const Tensor& b) {
            return at::leaky_relu(at::conv2d(x, w, b, 2, 1), kSlope);
        });
    for (const Layout layout : {Layout::Contiguous, Layout::ChannelsLast}) {
        expect_close(r1_penalty(at::kFloat, layout,
                                [](const Tensor& x, const Tensor& w, const Tensor& b) {
                                    return convolution(x, w, b, 2, 1, {.leaky_slope = kSlope});
                                }),
                     wanted);
    }
}

TEST(Convolution, GivesTheSameBitsWithOneAndTwoThreads) {
    for (const Case& c : kCases) {
        std::vector<std::vector<Tensor>> found;
        for (const int threads : {1, 2}) {
            const ThreadShare share(threads);
            found.push_back(derivatives(c, at::kFloat, Layout::ChannelsLast, ours));
        }
        expect_same_bits(found[0], found[1]);
    }
}

TEST(FullyConnected, HasTheDerivativesOfFloat64AndTheSameBitsWithAnyNumberOfThreads) {
    for (const auto& [rows, in, out] : {std::tuple(5, 40, 1), std::tuple(33, 257, 70), std::tuple(128, 16, 300)}) {
        const auto all = [rows = rows, in = in, out = out](at::ScalarType type, const auto& function) {
            const Tensor x = leaf(noise({rows, in}, "x"), type, Layout::Contiguous);
            const Tensor w = leaf(noise({out, in}, "w"), type, Layout::Contiguous);
            const Tensor b = leaf(noise({out}, "b"), type, Layout::Contiguous);
            const Tensor y = function(x, w, b);
            std::vector<Tensor> found = grad({y.square().sum()}, {x, w, b}, {}, true, true);
            const std::vector<Tensor> second = grad({found[0].square().sum()}, {w});
            found.insert(found.end(), {y, second[0]});
            return found;
        };
        const auto by = [](const Tensor& x, const Tensor& w, const Tensor& b) { return fully_connected(x, w, b); };
        const std::vector<Tensor> found = all(at::kFloat, by);
        expect_close(found, all(at::kDouble,
                                [](const Tensor& x, const Tensor& w, const Tensor& b) { return at::linear(x, w, b); }));
        const ThreadShare share(3);
        EXPECT_TRUE(at::equal(all(at::kFloat, by)[3], found[3]));
    }
}

TEST(Convolution, RunsOnOurKernelsInChannelsLastMemoryWhateverCameIn) {
    const Tensor x = leaf(noise({2, 8, 6, 6}, "x"), at::kFloat, Layout::Contiguous);
    const Tensor w = noise({8, 8, 4, 4}, "w").to(at::kFloat);  // asks for no gradient
    for (const bool transposed : {false, true}) {
        const Tensor y = transposed ? transposed_convolution(x, w, {}, 2, 1) : convolution(x, w, {}, 2, 1);
        EXPECT_NE(y.grad_fn()->name().find(transposed ? "SpreadMap" : "ConvolvedMap"), std::string::npos)
            << y.grad_fn()->name();
        EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
        EXPECT_TRUE(grad({y.sum()}, {x}).front().is_contiguous(at::MemoryFormat::ChannelsLast));
    }
    EXPECT_FALSE(convolution(x.detach(), w, {}, 2, 1).requires_grad());
}

TEST(Convolution, LeavesWhatTheKernelsDoNotKnowToLibTorch) {
    const auto same = [](const Tensor& x, const Tensor& w, std::int64_t stride, std::int64_t padding) {
        return at::equal(convolution(x, w, {}, stride, padding), at::conv2d(x, w, {}, stride, padding));
    };
    const Tensor x = noise({2, 8, 9, 9}, "x").to(at::kFloat);
    EXPECT_TRUE(same(x, noise({8, 8, 4, 3}, "w").to(at::kFloat), 1, 1));
    EXPECT_TRUE(same(x.to(at::kDouble), noise({8, 8, 4, 4}, "w"), 2, 1));
    EXPECT_EQ(convolution(x.narrow(0, 0, 0), noise({5, 8, 4, 4}, "w").to(at::kFloat), {}, 2, 1).sizes(),
              at::IntArrayRef({0, 5, 4, 4}));
    EXPECT_TRUE(at::equal(transposed_convolution(x, noise({8, 3, 3, 5}, "w").to(at::kFloat), {}, 2, 1, 1),
                          at::conv_transpose2d(x, noise({8, 3, 3, 5}, "w").to(at::kFloat), {}, 2, 1, 1)));
    EXPECT_TRUE(at::equal(convolution(x, noise({8, 8, 3, 4}, "w").to(at::kFloat), {}, 1, 1, {.leaky_slope = kSlope}),
                          at::leaky_relu(at::conv2d(x, noise({8, 8, 3, 4}, "w").to(at::kFloat), {}, 1, 1), kSlope)));
}

TEST(Convolution, RefusesWhatDoesNotFit) {
    const Tensor x = at::zeros({2, 8, 6, 6});
    const Tensor w = at::zeros({5, 8, 4, 4});
    const auto message = [](const auto& run) { return test::expect_error(ErrorKind::Usage, run); };
    EXPECT_EQ(message([&] { convolution(x[0], w, {}, 2, 1); }),
              "the input of a convolution is float32 [8,6,6] on cpu; wanted floating-point [N,C,H,W] with at least one "
              "channel and pixel");
    EXPECT_EQ(
        message([&] { convolution(x, w.narrow(1, 0, 4), {}, 2, 1); }),
        "the weight of a convolution is float32 [5,4,4,4] on cpu; wanted [outputs,8,height,width] of the type and "
        "on the device of its input, float32 [2,8,6,6] on cpu");
    EXPECT_EQ(message([&] { transposed_convolution(x, w, {}, 2, 1); }),
              "the weight of a transposed convolution is float32 [5,8,4,4] on cpu; wanted [8,outputs,height,width] of "
              "the type and on the device of its input, float32 [2,8,6,6] on cpu");
    EXPECT_EQ(message([&] { convolution(x, w, at::zeros({8}), 2, 1); }),
              "the bias of a convolution is float32 [8] on cpu; wanted [5] of the type and on the device of its input, "
              "float32 [2,8,6,6] on cpu");
    EXPECT_EQ(message([&] { convolution(x, w.to(at::kDouble), {}, 2, 1); }).substr(0, 60),
              "the weight of a convolution is float64 [5,8,4,4] on cpu; wan");
    EXPECT_EQ(message([&] { convolution(x, w, {}, 0, 1); }), "the stride of a convolution is 0; wanted at least 1");
    EXPECT_EQ(message([&] { convolution(x.narrow(2, 0, 1), w, {}, 2, 1); }),
              "the input of a convolution is float32 [2,8,1,6] on cpu; wanted one that, with a padding of 1, holds a "
              "window of [4,4]");
    EXPECT_EQ(message([&] { convolution(x, w, {}, 2, 1, {.leaky_slope = -0.2}); }),
              "the slope of a leaky ReLU is -0.200000; wanted at least 0");
    EXPECT_EQ(message([&] { transposed_convolution(x, w.transpose(0, 1), {}, 2, 1, 2); }),
              "the output padding of a transposed convolution is 2; wanted at least 0, below the stride");
}

}  // namespace
}  // namespace reverie
