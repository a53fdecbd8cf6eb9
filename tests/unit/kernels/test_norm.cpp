// Norms and activations of nets in training: values and derivatives against LibTorch in float64, the same bits with any
// number of threads.

#include "kernels/norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/activation.h"
#include "kernels/engine.h"
#include "support/frozen_maps.h"

namespace reverie {
namespace {

using test::noise;
using test::relative_error;
using torch::autograd::grad;

constexpr double kEpsilon = 1e-5;
constexpr double kTolerance = 1e-5;

Tensor leaf(const Tensor& values, at::ScalarType type) { return values.to(type).detach().requires_grad_(); }

using Layer = std::function<Tensor(const Tensor& x, const Tensor& weight, const Tensor& bias)>;

/// The output and the gradients to all inputs; with `twice` also those of a sum of the gradients.
std::vector<Tensor> derivatives(const std::vector<std::int64_t>& shape, at::ScalarType type, const Layer& layer,
                                bool twice) {
    const Tensor x = leaf(3.0 * noise(shape, "x") + 20.0, type);  // far from 0: sums of squares would lose digits
    const Tensor weight = leaf(noise({shape[1]}, "weight") + 1.5, type);
    const Tensor bias = leaf(noise({shape[1]}, "bias"), type);
    const Tensor y = layer(x, weight, bias);
    std::vector<Tensor> found = {y};
    const Tensor behind = noise(y.sizes().vec(), "behind").to(type);
    const auto first = grad({y}, {x, weight, bias}, {behind}, true, twice);
    found.insert(found.end(), first.begin(), first.end());
    if (twice) {
        const auto second = grad({first[0].square().sum()}, {x, weight});
        found.insert(found.end(), second.begin(), second.end());
    }
    return found;
}

Layer batch(std::optional<double> slope) {
    return [slope](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return batch_norm(x, weight, bias, {}, kEpsilon, slope);
    };
}
Layer instance(std::optional<double> slope) {
    return [slope](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return instance_norm(x, weight, bias, kEpsilon, slope);
    };
}

const std::vector<std::vector<std::int64_t>> kShapes = {{3, 16, 5, 7}, {2, 13, 40, 33}, {4, 48, 4, 4}};

void expect_close(const std::vector<Tensor>& found, const std::vector<Tensor>& wanted, const std::string& what) {
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_LE(relative_error(found[i].detach(), wanted[i].detach()), kTolerance) << what << ", tensor " << i;
    }
}

TEST(Norm, HasTheDerivativesOfFloat64) {
    for (const auto& shape : kShapes) {
        for (const std::optional<double> slope : {std::optional<double>(), std::optional(0.0), std::optional(0.2)}) {
            for (const auto& [name, layer] :
                 {std::pair("batch", batch(slope)), std::pair("instance", instance(slope))}) {
                for (const bool twice : {false, true}) {
                    if (twice && slope) {  // float32 and float64 see other sides of a kink
                        continue;
                    }
                    expect_close(derivatives(shape, at::kFloat, layer, twice),
                                 derivatives(shape, at::kDouble, layer, twice), name);
                }
            }
        }
    }
}

TEST(Norm, OfInstancesTakesNumbersOfEachImage) {
    const Tensor x = noise({3, 16, 9, 7}, "x").to(at::kFloat);
    for (const bool ours : {true, false}) {
        const TrainingEngine engine(ours);
        const Tensor weight = leaf(noise({3, 16}, "weight") + 1.5, at::kFloat);
        const Tensor bias = leaf(noise({3, 16}, "bias"), at::kFloat);
        const Tensor together = instance_norm(x, weight, bias, kEpsilon, 0.0);
        const Tensor behind = noise({3, 16, 9, 7}, "behind").to(at::kFloat);
        const auto found = grad({together}, {weight, bias}, {behind});
        for (std::int64_t i = 0; i < 3; ++i) {
            const Tensor own_weight = leaf(weight[i], at::kFloat);
            const Tensor own_bias = leaf(bias[i], at::kFloat);
            const Tensor alone = instance_norm(x.narrow(0, i, 1), own_weight, own_bias, kEpsilon, 0.0);
            EXPECT_TRUE(at::equal(alone[0], together[i]));
            const auto wanted = grad({alone}, {own_weight, own_bias}, {behind.narrow(0, i, 1)});
            EXPECT_LE(relative_error(found[0][i], wanted[0].to(at::kDouble)), 1e-6);
            EXPECT_LE(relative_error(found[1][i], wanted[1].to(at::kDouble)), 1e-6);
        }
    }
}

TEST(Norm, FollowsTheMomentsOfBatchesAsLibTorchDoes) {
    const Tensor x = noise({4, 10, 6, 5}, "x").to(at::kFloat) + 3.0;
    const Tensor ones = at::ones({10});
    const auto followed = [&](bool ours) {
        const TrainingEngine engine(ours);
        const RunningMoments running{.mean = at::zeros({10}), .variance = at::ones({10}), .momentum = 0.25};
        batch_norm(x, ones, ones, running, kEpsilon);
        return at::stack({running.mean, running.variance});
    };
    EXPECT_LE(relative_error(followed(true), followed(false).to(at::kDouble)), 1e-6);
}

TEST(Norm, GivesTheSameBitsWithAnyNumberOfThreads) {
    std::vector<std::vector<Tensor>> found;
    for (const int threads : {1, 2, 5}) {
        const ThreadShare share(threads);
        const TrainingEngine engine(true);
        found.push_back(derivatives({2, 13, 40, 33}, at::kFloat, batch(0.2), false));
        const Tensor x = leaf(8.0 * noise({3, 17, 30, 31}, "x"), at::kFloat);
        const Tensor y = apply_silu(x);
        found.back().push_back(y);
        found.back().push_back(grad({y.square().sum()}, {x})[0]);
        const Tensor gates = leaf(8.0 * noise({3, 26, 30, 31}, "gates"), at::kFloat);
        const Tensor gated = apply_glu(gates);
        found.back().push_back(gated);
        found.back().push_back(grad({gated.square().sum()}, {gates})[0]);
    }
    for (std::size_t i = 1; i < found.size(); ++i) {
        for (std::size_t k = 0; k < found[i].size(); ++k) {
            EXPECT_TRUE(at::equal(found[0][k], found[i][k])) << "tensor " << k;
        }
    }
}

TEST(Silu, IsThatOfFloat64EverywhereAndSoIsItsSlope) {
    const Tensor wide =
        at::cat({at::linspace(-120.0, 120.0, 4001, at::kDouble), at::tensor({0.0, -1e-30, 3e38, -3e38})})
            .to(at::kFloat)
            .to(at::kDouble);
    const Tensor x = leaf(wide, at::kFloat);
    const Tensor exact = leaf(wide, at::kDouble);
    const Tensor y = apply_silu(x);
    const Tensor wanted = at::silu(exact);
    EXPECT_LE((y.to(at::kDouble) - wanted)
                  .abs()
                  .div(wanted.abs() + 1e-30)
                  .masked_fill(wide < -80.0, 0.0)
                  .max()
                  .item<double>(),
              5e-7);
    EXPECT_TRUE(y.isfinite().all().item<bool>());
    const Tensor slope = grad({y.sum()}, {x})[0];
    EXPECT_LE((slope.to(at::kDouble) - grad({wanted.sum()}, {exact})[0]).abs().max().item<double>(), 2e-6);
    EXPECT_TRUE(apply_silu(at::full({3}, std::nan(""), at::kFloat)).isnan().all().item<bool>());
}

TEST(Silu, HasASecondDerivative) {
    const auto second = [](at::ScalarType type) {
        const Tensor x = leaf(4.0 * noise({2, 3, 5, 7}, "x"), type);
        const Tensor slope = grad({apply_silu(x).square().sum()}, {x}, {}, true, true)[0];
        return grad({slope.square().sum()}, {x})[0];
    };
    EXPECT_LE(relative_error(second(at::kFloat), second(at::kDouble)), kTolerance);
}

TEST(Glu, IsThatOfFloat64AndSoAreItsDerivatives) {
    const auto found = [](at::ScalarType type) {
        const Tensor x = leaf(4.0 * noise({2, 26, 9, 15}, "x"), type);
        const Tensor y = apply_glu(x);
        const Tensor slope = grad({y.square().sum()}, {x}, {}, true, true)[0];
        const Tensor plain = grad({apply_glu(x).square().sum()}, {x})[0];
        return std::vector<Tensor>{y.detach(), plain, slope.detach(), grad({slope.square().sum()}, {x})[0]};
    };
    const std::vector<Tensor> ours = found(at::kFloat);
    const std::vector<Tensor> exact = found(at::kDouble);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        EXPECT_EQ(ours[i].sizes(), exact[i].sizes());
        EXPECT_LE(relative_error(ours[i], exact[i]), kTolerance) << i;
    }
}

}  // namespace
}  // namespace reverie
