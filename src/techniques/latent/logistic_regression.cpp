#include "techniques/latent/logistic_regression.h"

#include <ATen/ATen.h>

#include <cstdint>

namespace reverie {
namespace {

constexpr int kMostSteps = 50;
constexpr int kMostHalvings = 30;
constexpr double kConverged = 1e-10;  // of the first gradient's length

}  // namespace

Tensor logistic_normal(const Tensor& with, const Tensor& without) {
    const auto n = static_cast<double>(with.size(0));
    const auto m = static_cast<double>(without.size(0));
    const Tensor signs =
        at::cat({at::ones({with.size(0)}, at::kDouble), at::full({without.size(0)}, -1.0, at::kDouble)});
    const Tensor shares = at::where(signs > 0.0, at::scalar_tensor((n + m) / (2.0 * n), at::kDouble),
                                    at::scalar_tensor((n + m) / (2.0 * m), at::kDouble));
    Tensor rows = at::cat({with, without});
    rows = rows - rows.mean(0);
    const auto variance = rows.square().mean().item<double>();
    rows = at::cat({rows, at::ones({rows.size(0), 1}, at::kDouble)}, 1);  // the last weight is the offset
    Tensor penalty = at::full({rows.size(1)}, variance, at::kDouble);
    penalty[-1] = 0.0;

    const auto objective = [&](const Tensor& weights) {
        const Tensor margins = signs * rows.mv(weights);
        return (shares.dot(at::softplus(-margins)) + 0.5 * penalty.dot(weights.square())).item<double>();
    };
    // Newton's method (iteratively reweighted least squares): the objective is convex, and halving a step that does
    // not lower it brings it down from anywhere.
    Tensor weights = at::zeros({rows.size(1)}, at::kDouble);
    double value = objective(weights);
    double first_slope = 0.0;
    for (int step = 0; step < kMostSteps; ++step) {
        const Tensor wrong = at::sigmoid(-signs * rows.mv(weights));
        const Tensor gradient = penalty * weights - rows.t().mv(shares * signs * wrong);
        const auto slope = gradient.norm().item<double>();
        first_slope = step == 0 ? slope : first_slope;
        if (slope <= kConverged * first_slope) {
            break;
        }
        const Tensor curvature = shares * wrong * (1.0 - wrong);
        const Tensor hessian = rows.t().matmul(curvature.unsqueeze(1) * rows) + penalty.diag();
        const Tensor move = at::linalg_solve(hessian, gradient);
        double length = 1.0;
        Tensor next = weights - move;
        double next_value = objective(next);
        for (int i = 0; i < kMostHalvings && !(next_value <= value); ++i) {
            length *= 0.5;
            next = weights - length * move;
            next_value = objective(next);
        }
        if (!(next_value <= value)) {
            break;  // nothing but rounding errors is left to gain
        }
        weights = next;
        value = next_value;
    }
    return weights.narrow(0, 0, weights.size(0) - 1);
}

}  // namespace reverie
