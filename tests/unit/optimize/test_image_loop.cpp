#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "reverie/optimize/image_loop.h"
#include "reverie/optimize/step_rules.h"
#include "support/closed_formula.h"
#include "support/distance.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::Distance;

Tensor picture(const std::string& name) { return test::formula_image(19, 27, name).squeeze(0); }

TEST(ImageLoop, ReachesAKnownOptimum) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.02, .decay = 1.0, .steps = 60});
    const LoopResult result = minimize_image(picture("start"), objective, {}, rule, {.steps = 60});
    EXPECT_EQ(result.steps, 60);
    EXPECT_FALSE(result.cancelled);
    // Steps shrink linearly to zero, so the end is within about a mean step of the optimum.
    EXPECT_LT(root_mean_square(result.image - picture("target")).item<double>(), 0.002);
}

TEST(ImageLoop, StepsHaveTheSizeAskedForAtAnyResolutionAndScale) {
    for (const std::int64_t side : {16, 64}) {
        for (const double scale : {1e-6, 1e3}) {
            NormalizedStep rule({.step_size = 0.01});
            const Tensor image = at::full({3, side, side}, 0.5);
            const Tensor gradient = (test::formula_image(side, side, "g").squeeze(0) - 0.5) * scale;
            const Tensor moved = rule.step(image, gradient, 0) - image;
            EXPECT_NEAR(root_mean_square(moved).item<double>(), 0.01, 1e-4);
            EXPECT_LT((moved * gradient).sum().item<double>(), 0.0) << "the step goes downhill";
        }
    }
}

TEST(ImageLoop, HeadroomSlowsDownNearBlackAndWhite) {
    NormalizedStep rule({.step_size = 0.01, .headroom = 0.4});
    const Tensor image = at::tensor({0.5F, 0.98F, 0.02F}).view({3, 1, 1}).expand({3, 8, 8}).contiguous();
    const Tensor up = rule.step(image, at::full({3, 8, 8}, -1.0), 0) - image;
    EXPECT_NEAR(up[0][0][0].item<double>(), 0.01, 1e-6);
    EXPECT_NEAR(up[1][0][0].item<double>(), 0.01 * 0.02 / 0.4, 1e-6);
    EXPECT_GT(up[2][0][0].item<double>(), up[1][0][0].item<double>()) << "black may still become lighter";
}

TEST(ImageLoop, ImageStaysWithinItsRange) {
    Distance objective(at::full({3, 9, 9}, 5.0));
    NormalizedStep rule({.step_size = 0.5});
    const LoopResult result =
        minimize_image(picture("start").narrow(1, 0, 9).narrow(2, 0, 9), objective, {}, rule, {.steps = 5});
    EXPECT_LE(result.image.max().item<double>(), 1.0);
    EXPECT_GE(result.image.min().item<double>(), 0.0);
}

TEST(ImageLoop, ValuesAreReadAsOftenAsAskedAndAtTheEnd) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    std::vector<std::int64_t> read;
    std::vector<double> reported;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) { reported.push_back(progress.done); };
    const auto observe = [&](const StepReport& report) {
        if (report.reads) {
            read.push_back(report.step);
        }
        return true;
    };
    minimize_image(picture("start"), objective, {}, rule, {.steps = 8, .observe = observe, .read_every = 3}, hooks);
    EXPECT_EQ(read, (std::vector<std::int64_t>{2, 5, 7}));
    EXPECT_EQ(reported, (std::vector<double>{3, 6, 8}));
}

/// Gives a gradient that is no number from one step on.
class Broken final : public Objective {
  public:
    explicit Broken(std::int64_t from) : from_(from) {}
    Tensor value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) override {
        gradient = step < from_ ? at::ones_like(image) : at::full_like(image, std::nan(""));
        return gradient.sum();
    }

  private:
    std::int64_t from_;
};

TEST(ImageLoop, NobodyIsShownOrGivenAPictureThatIsNoNumbersHoweverSeldomItIsRead) {
    Broken objective(4);
    NormalizedStep rule({.step_size = 0.01});
    Hooks hooks;
    std::vector<std::int64_t> shown;
    hooks.on_preview = [&](const Tensor& image, std::int64_t step) {
        EXPECT_TRUE(image.isfinite().all().item<bool>());
        shown.push_back(step);
    };
    test::expect_error(ErrorKind::Usage, [&] {
        minimize_image(picture("start"), objective, {}, rule, {.steps = 30, .preview_every = 3, .read_every = 10},
                       hooks);
    });
    EXPECT_EQ(shown, (std::vector<std::int64_t>{3}));
    // Ended by the observer between two readings.
    test::expect_error(ErrorKind::Usage, [&] {
        minimize_image(
            picture("start"), objective, {}, rule,
            {.steps = 30, .observe = [](const StepReport& report) { return report.step < 6; }, .read_every = 10});
    });
}

TEST(ImageLoop, TensorsOfAnotherKindAreRefused) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    test::expect_error(ErrorKind::Usage, [&] {
        minimize_image(at::zeros({1, 9, 9}), objective, {}, rule, {.steps = 1});
    });
}

TEST(ImageLoop, CancelEndsAfterTheStepAtHandWithWhatIsThere) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    CancelToken cancel;
    Hooks hooks;
    hooks.cancel = &cancel;
    hooks.on_progress = [&](const Progress& progress) {
        if (progress.done == 3) {
            cancel.request();
        }
    };
    const Tensor start = picture("start");
    const LoopResult result = minimize_image(start, objective, {}, rule, {.steps = 100}, hooks);
    EXPECT_TRUE(result.cancelled);
    EXPECT_EQ(result.steps, 3);
    EXPECT_FALSE(at::equal(result.image, start));
}

TEST(ImageLoop, ReportsEveryStepAndPreviewsAtTheInterval) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    std::vector<double> done;
    std::vector<double> values;
    std::vector<std::int64_t> previews;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& p) {
        done.push_back(p.done);
        values.push_back(p.value);
    };
    hooks.on_preview = [&](const Tensor&, std::int64_t step) { previews.push_back(step); };
    minimize_image(picture("start"), objective, {}, rule,
                   {.steps = 5, .preview_every = 2, .done_before = 10, .per_step = 2, .total = 20}, hooks);
    EXPECT_EQ(done, (std::vector<double>{12, 14, 16, 18, 20}));
    EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend())) << "the distance falls";
    EXPECT_EQ(previews, (std::vector<std::int64_t>{2, 4}));
}

TEST(ImageLoop, GoesOnFromStepsAlreadyDone) {
    Distance objective(picture("target"));
    const NormalizedStepOptions rule_options = {.step_size = 0.02, .decay = 1.0, .steps = 7};
    NormalizedStep rule(rule_options);
    const LoopResult straight = minimize_image(picture("start"), objective, {}, rule, {.steps = 7});
    const LoopResult half = minimize_image(picture("start"), objective, {}, rule, {.steps = 3});
    std::vector<std::int64_t> seen;
    ImageLoopOptions options = {.steps = 7, .first_step = 3};
    options.observe = [&](const StepReport& report) {
        seen.push_back(report.step);
        return true;
    };
    std::vector<double> done;
    Hooks hooks;
    hooks.on_progress = [&](const Progress& progress) { done.push_back(progress.done); };
    const LoopResult rest = minimize_image(half.image, objective, {}, rule, options, hooks);
    EXPECT_TRUE(at::equal(rest.image, straight.image));
    EXPECT_EQ(rest.steps, 7);
    EXPECT_EQ(seen, (std::vector<std::int64_t>{3, 4, 5, 6}));
    EXPECT_EQ(done, (std::vector<double>{4, 5, 6, 7}));
    // All of them done already: nothing is left to do.
    options.first_step = 7;
    EXPECT_TRUE(at::equal(minimize_image(half.image, objective, {}, rule, options).image, half.image));
}

TEST(ImageLoop, ObserverSeesEveryStepAndMayEndTheLoop) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    std::vector<double> values;
    Tensor last;
    ImageLoopOptions options = {.steps = 9};
    options.observe = [&](const StepReport& report) {
        EXPECT_EQ(report.step, static_cast<std::int64_t>(values.size()));
        values.push_back(report.value.item<double>());
        last = report.image.clone();
        return report.step < 3;
    };
    int reported = 0;
    Hooks hooks;
    hooks.on_progress = [&](const Progress&) { ++reported; };
    const Tensor start = picture("start");
    const LoopResult result = minimize_image(start, objective, {}, rule, options, hooks);
    EXPECT_EQ(result.steps, 4);
    EXPECT_FALSE(result.cancelled);
    EXPECT_EQ(reported, 4) << "the last step is reported too";
    EXPECT_TRUE(at::equal(last, result.image));
    ASSERT_EQ(values.size(), 4U);
    // The value is that of the image before the step.
    EXPECT_FLOAT_EQ(static_cast<float>(values[0]), (0.5 * (start - picture("target")).square().sum()).item<float>());
}

TEST(ImageLoop, EndsWithoutAStepFromAValueThatIsEnough) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.02});
    const auto value_of = [&](const Tensor& image) {
        Tensor gradient;
        return objective.value_and_gradient(image, 0, gradient).item<double>();
    };
    const double enough = value_of(picture("start")) / 2;
    std::vector<double> stepped_from;
    ImageLoopOptions options{.steps = 60};
    options.enough = [&](const Tensor& value) { return value.item<double>() < enough; };
    options.observe = [&](const StepReport& report) {
        stepped_from.push_back(report.value.item<double>());
        return true;
    };
    const LoopResult result = minimize_image(picture("start"), objective, {}, rule, options);
    EXPECT_LT(value_of(result.image), enough);
    EXPECT_GE(stepped_from.back(), enough);
    EXPECT_EQ(result.steps, static_cast<std::int64_t>(stepped_from.size()));
    EXPECT_FALSE(result.cancelled);
}

TEST(ImageLoop, LeavesTheRangeWhereItIsToldTo) {
    Distance objective(at::full({3, 8, 8}, 3.0));
    NormalizedStep rule({.step_size = 0.5});
    ImageLoopOptions options{.steps = 4, .clamp = false};
    const LoopResult free = minimize_image(at::full({3, 8, 8}, 0.5), objective, {}, rule, options);
    EXPECT_NEAR(free.image.max().item<double>(), 2.5, 1e-5);
}

TEST(ImageLoop, PreviewsShowWhatTheCallerWants) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    ImageLoopOptions options = {.steps = 4, .preview_every = 2};
    options.shown = [](const Tensor& image) { return at::zeros_like(image); };
    int previews = 0;
    Hooks hooks;
    hooks.on_preview = [&](const Tensor& image, std::int64_t) {
        ++previews;
        EXPECT_EQ(image.abs().max().item<double>(), 0.0);
    };
    const LoopResult result = minimize_image(picture("start"), objective, {}, rule, options, hooks);
    EXPECT_EQ(previews, 2);
    EXPECT_GT(result.image.max().item<double>(), 0.0) << "only shown, not kept";
}

TEST(ImageLoop, TransformsRunInTheirOrder) {
    Distance objective(picture("target"));
    NormalizedStep rule({.step_size = 0.01});
    std::vector<int> order;
    const std::vector<GradientTransform> transforms = {
        [&](const Tensor& g) {
            order.push_back(1);
            return g;
        },
        [&](const Tensor& g) {
            order.push_back(2);
            return g;
        },
    };
    minimize_image(picture("start"), objective, transforms, rule, {.steps = 1});
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(ImageLoop, AnImageThatIsNoNumberIsRefusedBeforeAnyoneSeesIt) {
    Distance objective(at::full({3, 9, 9}, std::numeric_limits<float>::quiet_NaN()));
    NormalizedStep rule({.step_size = 0.01});
    int seen = 0;
    ImageLoopOptions options{.steps = 2};
    options.observe = [&seen](const StepReport&) { return ++seen > 0; };
    test::expect_error(ErrorKind::Usage, [&] {
        minimize_image(at::full({3, 9, 9}, 0.5), objective, {}, rule, options);
    });
    EXPECT_EQ(seen, 0);
}

TEST(FadingStep, TakesLessAndLessOfAnotherRulesSteps) {
    GradientDescent descent({.step_size = 0.1});
    FadingStep fading(descent, {.decay = 0.75, .steps = 4});
    const Tensor image = at::full({3, 2, 2}, 0.5);
    const Tensor gradient = at::ones_like(image);
    for (const auto& [step, moved] : {std::pair{0, 0.1}, {1, 0.075}, {2, 0.05}, {3, 0.025}}) {
        const Tensor next = fading.step(image, gradient, step);
        EXPECT_NEAR((image - next).max().item<double>(), moved, 1e-6);
        EXPECT_NEAR((image - next).min().item<double>(), moved, 1e-6);
    }
    FadingStep single(descent, {.decay = 0.75, .steps = 1});
    EXPECT_TRUE(single.step(image, gradient, 0).equal(descent.step(image, gradient, 0))) << "a lone step is whole";
}

}  // namespace
}  // namespace reverie
