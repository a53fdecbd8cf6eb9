#include "reverie/optimize/step_rules.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "reverie/image/resample.h"
#include "support/closed_formula.h"

namespace reverie {
namespace {

using nlohmann::json;

/// The gradient of make_style_references.py's function: a long narrow valley, pixels coupled.
Tensor bowl_gradient(const Tensor& image) {
    const Tensor flat = image.flatten();
    const std::int64_t n = flat.numel();
    const Tensor weights = 1.0 + 20.0 * at::arange(n, flat.options()) / static_cast<double>(n);
    Tensor gradient = 2.0 * weights * (flat - 0.4);
    const Tensor pull = 4.0 * (flat.narrow(0, 1, n - 1) - flat.narrow(0, 0, n - 1)).pow(3);
    gradient.narrow(0, 1, n - 1).add_(pull);
    gradient.narrow(0, 0, n - 1).sub_(pull);
    return gradient.view_as(image);
}

Tensor start_image() {
    const test::FormulaStream uniform("start");
    Tensor image = at::empty({3, 4, 5}, at::kDouble);
    for (std::int64_t i = 0; i < image.numel(); ++i) {
        image.data_ptr<double>()[i] = uniform(static_cast<std::uint64_t>(i));
    }
    return image;
}

/// Follows a rule from the start image and compares some pixels of every step with PyTorch's.
void expect_trajectory(StepRule& rule, const std::string& name, at::ScalarType type, double tolerance) {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/step_rules.json");
    const json wanted = json::parse(file)[name];
    ASSERT_GE(wanted.size(), 5U);
    Tensor image = start_image().to(type);
    for (std::size_t step = 0; step < wanted.size(); ++step) {
        image = rule.step(image, bowl_gradient(image), static_cast<std::int64_t>(step));
        const Tensor flat = image.flatten();
        for (std::size_t i = 0; i < wanted[step].size(); ++i) {
            EXPECT_NEAR(flat[static_cast<std::int64_t>(13 * i)].item<double>(), wanted[step][i].get<double>(),
                        tolerance)
                << name << " step " << step << " pixel " << 13 * i;
        }
    }
}

TEST(StepRules, AdamStepsAsPyTorch) {
    // Float32 rounds pixels to 6e-8 a step; moments enter as a ratio.
    Adam single({.step_size = 0.02});
    expect_trajectory(single, "adam", at::kFloat, 1e-6);
    Adam exact({.step_size = 0.02});
    expect_trajectory(exact, "adam", at::kDouble, 1e-10);
}

TEST(StepRules, LbfgsStepsAsPyTorch) {
    Lbfgs exact({.step_size = 0.5});
    expect_trajectory(exact, "lbfgs", at::kDouble, 1e-10);
    Lbfgs short_history({.step_size = 0.5, .history = 2});
    expect_trajectory(short_history, "lbfgs_short_history", at::kDouble, 1e-10);
    Lbfgs bytes({.step_size = 1.0, .pixel_range = 255.0});
    expect_trajectory(bytes, "lbfgs_255", at::kDouble, 1e-10);
    Lbfgs single({.step_size = 0.5});
    expect_trajectory(single, "lbfgs", at::kFloat, 1e-4);  // differences of float32 gradients amplify rounding
}

TEST(StepRules, LbfgsCountsDisplacementsAsTheyHappened) {
    // Whoever clamps between the steps gives the next one another image than it returned.
    Lbfgs rule({.step_size = 1.0});
    const Tensor start = start_image();
    const Tensor clamped = rule.step(start, bowl_gradient(start), 0).clamp(0.3, 0.5);
    rule.step(clamped, bowl_gradient(clamped), 1);
    EXPECT_TRUE(at::equal(rule.state().at("s0"), clamped - start));
    // No curvature along a step against the gradient's change: left out.
    Lbfgs concave({.step_size = 1.0});
    concave.step(start, bowl_gradient(start), 0);
    concave.step(clamped, bowl_gradient(start) - (clamped - start), 1);
    EXPECT_EQ(concave.state().count("s0"), 0U);
}

TEST(StepRules, AdamIsTheSameInBands) {
    // More than one band of rows, the last one shorter, against the formula in one piece.
    const Tensor image = test::formula_image(67, 20'011, "wide").squeeze(0);
    const Tensor gradient = image - 0.3;
    Adam rule({.step_size = 0.01});
    const Tensor untouched = image.clone();
    const Tensor once = rule.step(image, gradient, 0);
    EXPECT_TRUE(at::equal(image, untouched)) << "the image handed in stays";
    // Step 1: both moments corrected are g and g^2.
    const Tensor wanted = image - 0.01 * gradient / (gradient.abs() + 1e-8);
    EXPECT_LT((once - wanted).abs().max().item<double>(), 1e-6);
}

TEST(StepRules, DescentDecaysAndCountsPixelsToItsRange) {
    GradientDescent rule({.step_size = 100.0, .decay = 0.96, .decay_steps = 100.0, .pixel_range = 255.0});
    const Tensor image = start_image();
    const Tensor gradient = bowl_gradient(image);
    Tensor last;
    for (int step = 0; step <= 50; ++step) {
        last = rule.step(image, gradient, step);
    }
    // In pixels to 255: 255 x - rate g / 255; the rate after 50 steps.
    const double rate = 100.0 * std::pow(0.96, 0.5);
    EXPECT_LT((last * 255.0 - (image * 255.0 - rate * gradient / 255.0)).abs().max().item<double>(), 1e-10);
}

struct Kind {
    const char* name;
    std::function<std::unique_ptr<StatefulStep>()> make;
};

const Kind kKinds[] = {
    {"Adam", [] { return std::make_unique<Adam>(Adam::Options{}); }},
    {"Lbfgs", [] { return std::make_unique<Lbfgs>(Lbfgs::Options{.step_size = 0.5, .history = 3}); }},
    {"GradientDescent",
     [] { return std::make_unique<GradientDescent>(GradientDescent::Options{.step_size = 0.02, .decay = 0.5}); }},
};

TEST(StepRules, GoOnToTheBitAfterAnyStep) {
    constexpr std::int64_t kSteps = 8;
    for (const Kind& kind : kKinds) {
        const auto run = [&](StatefulStep& rule, Tensor image, std::int64_t from, std::int64_t to) {
            for (std::int64_t step = from; step < to; ++step) {
                image = rule.step(image, bowl_gradient(image), step).clamp_(0.0, 1.0);
            }
            return image;
        };
        const Tensor start = start_image().to(at::kFloat);
        const Tensor straight = run(*kind.make(), start, 0, kSteps);
        for (std::int64_t k = 0; k < kSteps; ++k) {
            const auto before = kind.make();
            const Tensor stopped = run(*before, start, 0, k);
            const StepState state = before->state();
            run(*before, stopped, k, kSteps);  // going on must not change what was taken out
            for (int again = 0; again < 2; ++again) {
                const auto after = kind.make();
                after->restore(state);
                EXPECT_TRUE(at::equal(run(*after, stopped, k, kSteps), straight)) << kind.name << " after " << k;
            }
            // Back to the start with an empty state.
            before->restore({});
            EXPECT_TRUE(at::equal(run(*before, start, 0, kSteps), straight)) << kind.name << " anew";
        }
    }
}

TEST(StepRules, AdamCarriesItsMomentsToAnotherSize) {
    Adam rule({.step_size = 0.02});
    Tensor image = test::formula_image(24, 31, "small").squeeze(0);
    for (int step = 0; step < 5; ++step) {
        image = rule.step(image, image - 0.3, step);
    }
    const StepState before = rule.state();
    rule.rescale({35, 45});
    const StepState after = rule.state();
    EXPECT_EQ(after.at("count").item<std::int64_t>(), 5);
    EXPECT_TRUE(at::equal(after.at("first"), resize(before.at("first"), Size{35, 45})));
    EXPECT_EQ(after.at("second").sizes(), (at::IntArrayRef{3, 35, 45}));
    EXPECT_GE(after.at("second").min().item<double>(), 0.0);
    EXPECT_NEAR(after.at("second").mean().item<double>(), before.at("second").mean().item<double>(),
                0.02 * before.at("second").mean().item<double>());
    // Moments of one value stay that value, so the next step is of the usual size.
    const Tensor large = resize(image, Size{35, 45});
    const auto moved = (rule.step(large, large - 0.3, 5) - large).abs().mean().item<double>();
    EXPECT_GT(moved, 0.01);
    EXPECT_LT(moved, 0.03);
}

TEST(StepRules, LbfgsForgetsAtAnotherSize) {
    Lbfgs rule({.step_size = 0.5});
    Tensor image = start_image();
    for (int step = 0; step < 3; ++step) {
        image = rule.step(image, bowl_gradient(image), step);
    }
    EXPECT_EQ(rule.state().count("s1"), 1U);
    rule.rescale({9, 7});
    EXPECT_TRUE(rule.state().empty());
    const Tensor large = at::full({3, 9, 7}, 0.5, at::kDouble);
    EXPECT_EQ(rule.step(large, bowl_gradient(large), 3).sizes(), large.sizes());
}

TEST(StepRules, DescentGoesOnDecayingAtAnotherSize) {
    GradientDescent rule({.step_size = 0.1, .decay = 0.5});
    const Tensor small = at::zeros({3, 4, 4});
    rule.step(small, small, 0);
    rule.rescale({5, 6});
    const Tensor large = at::zeros({3, 5, 6});
    EXPECT_NEAR(rule.step(large, at::ones_like(large), 1).mean().item<double>(), -0.05, 1e-7);
}

}  // namespace
}  // namespace reverie
