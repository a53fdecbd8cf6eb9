#include "reverie/metrics/importance.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "support/closed_formula.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

Tensor filled(const std::string& name, const std::vector<std::int64_t>& shape) {
    const test::FormulaStream uniform(name);
    Tensor tensor = at::empty(shape, at::kDouble);
    for (std::int64_t i = 0; i < tensor.numel(); ++i) {
        tensor.data_ptr<double>()[i] = 2 * uniform(static_cast<std::uint64_t>(i)) - 1;
    }
    return tensor;
}

/// x = W z + b + s n with z and n standard normal: everything about it is known.
struct LinearGaussian {
    static constexpr std::int64_t kLatent = 3, kPixels = 12, kImages = 40;
    static constexpr double kScale = 0.4;
    Tensor weights = filled("W", {kPixels, kLatent});
    Tensor bias = filled("b", {kPixels});
    Tensor images =
        at::matmul(1.7 * filled("z", {kImages, kLatent}), weights.t()) + bias + 0.7 * filled("n", {kImages, kPixels});

    double exact_nll() const {
        const Tensor covariance = at::matmul(weights, weights.t()) + kScale * kScale * at::eye(kPixels, at::kDouble);
        const Tensor factor = at::linalg_cholesky(covariance);
        const Tensor whitened = at::linalg_solve_triangular(factor, (images - bias).t(), /*upper=*/false);
        const double log_determinant = 2 * factor.diagonal().log().sum().item<double>();
        return 0.5 * (kPixels * std::log(2 * std::numbers::pi) + log_determinant +
                      whitened.square().sum(0).mean().item<double>());
    }
    /// A posterior as encoders give it: the right mean, independent dimensions, a little too wide.
    Tensor mean() const {
        const Tensor precision = at::matmul(weights.t(), weights) / (kScale * kScale) + at::eye(kLatent, at::kDouble);
        const Tensor pulls = at::matmul(images - bias, weights) / (kScale * kScale);
        return at::linalg_solve(precision, pulls.t()).t().to(at::kFloat).contiguous();
    }
    Tensor log_variance() const {
        const Tensor precision = at::matmul(weights.t(), weights) / (kScale * kScale) + at::eye(kLatent, at::kDouble);
        return (0.7 - at::log(precision.diagonal())).to(at::kFloat).expand({kImages, -1}).contiguous();
    }
    Tensor log_likelihood(const Tensor& rows, const Tensor& z) const {
        const Tensor error = images.index_select(0, rows) - at::matmul(z.to(at::kDouble), weights.t()) - bias;
        return -0.5 * error.square().sum(1) / (kScale * kScale) -
               kPixels * std::log(kScale * std::sqrt(2 * std::numbers::pi));
    }
    LikelihoodEstimate estimate(const ImportanceOptions& options) const {
        return importance_nll(mean(), log_variance(),
                              [&](const Tensor& rows, const Tensor& z) {
                                  EXPECT_LE(rows.size(0), options.batch);
                                  return log_likelihood(rows, z);
                              },
                              options, {});
    }
};

TEST(Importance, ComesToTheExactLikelihoodFromAbove) {
    const LinearGaussian model;
    const double exact = model.exact_nll();
    double before = 1e9;
    // Each ten times the samples of the one before: the bounds' gaps differ by far more than 40 images' noise.
    for (const std::int64_t samples : {1, 5, 50, 5000}) {
        const LikelihoodEstimate found = model.estimate({.samples = samples});
        EXPECT_LT(found.nll, before) << samples;
        before = found.nll;
    }
    EXPECT_NEAR(before, exact, 0.05);
    EXPECT_GT(model.estimate({.samples = 1}).nll, exact + 0.3);
}

TEST(Importance, BatchesChangeNothing) {
    const LinearGaussian model;
    const LikelihoodEstimate whole = model.estimate({.samples = 30, .batch = 10'000, .seed = 4});
    for (const std::int64_t batch : {1200, 45, 7}) {
        // Sums in double over the same numbers in the same order.
        EXPECT_NEAR(model.estimate({.samples = 30, .batch = batch, .seed = 4}).nll, whole.nll, 1e-9) << batch;
    }
    EXPECT_NE(model.estimate({.samples = 30, .seed = 5}).nll, whole.nll);
}

TEST(Importance, SaysHowSureItIs) {
    const LinearGaussian model;
    const LikelihoodEstimate found = model.estimate({.samples = 200});
    EXPECT_EQ(found.images, LinearGaussian::kImages);
    EXPECT_EQ(found.samples, 200);
    std::vector<double> each;
    double mean = 0.0;
    for (std::int64_t i = 0; i < LinearGaussian::kImages; ++i) {
        LinearGaussian one;
        one.images = model.images.narrow(0, i, 1);
        each.push_back(importance_nll(one.mean(), model.log_variance().narrow(0, i, 1),
                                      [&](const Tensor& rows, const Tensor& z) { return one.log_likelihood(rows, z); },
                                      {.samples = 200}, {})
                           .nll);
        mean += each.back() / LinearGaussian::kImages;
    }
    double squares = 0.0;
    for (const double nll : each) {
        squares += (nll - mean) * (nll - mean);
    }
    const double error = std::sqrt(squares / (LinearGaussian::kImages - 1.0) / LinearGaussian::kImages);
    // Other noise for each image but the first: both are estimates by 200 samples.
    EXPECT_NEAR(found.nll, mean, 0.05);
    EXPECT_NEAR(found.standard_error, error, 0.05 * error);
}

TEST(Importance, SurvivesTinyProbabilities) {
    const Tensor mean = at::zeros({2, 1});
    const auto far = [](const Tensor& rows, const Tensor&) { return at::full({rows.size(0)}, -1e5, at::kDouble); };
    // q is the prior: every weight is the same.
    EXPECT_NEAR(importance_nll(mean, at::zeros({2, 1}), far, {.samples = 20}, {}).nll, 1e5, 1e-6);
}

TEST(Importance, StopsWhenAsked) {
    const LinearGaussian model;
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    int calls = 0;
    test::expect_error(ErrorKind::Cancelled, [&] {
        importance_nll(
            model.mean(), model.log_variance(),
            [&](const Tensor& rows, const Tensor& z) {
                ++calls;
                cancel.request();
                return model.log_likelihood(rows, z);
            },
            {.samples = 100, .batch = 50}, hooks);
    });
    EXPECT_EQ(calls, 1);
    test::expect_error(ErrorKind::Usage, [&] { model.estimate({.samples = 0}); });
}

}  // namespace
}  // namespace reverie
