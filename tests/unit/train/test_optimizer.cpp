#include "reverie/train/optimizer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/closed_formula.h"
#include "support/expect_error.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

const std::map<std::string, std::vector<std::int64_t>> kShapes = {
    {"a", {3, 5}}, {"b", {7}}, {"c", {2, 1, 3}}, {"d", {8, 3, 1, 2}}, {"e", {9, 4, 2, 2}}};

constexpr std::array kKinds = {OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::RmsProp, OptimizerKind::Muon};

/// Between -1 and 1, as in make_optimizer_references.py.
Tensor numbers(const std::string& name, const std::vector<std::int64_t>& shape) {
    const test::FormulaStream uniform("optimizer/" + name);
    Tensor values = at::empty(shape, at::kFloat);
    for (std::int64_t i = 0; i < values.numel(); ++i) {
        values.data_ptr<float>()[i] = static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1);
    }
    return values;
}

NamedTensors parameters() {
    NamedTensors all;
    for (const auto& [name, shape] : kShapes) {
        all[name] = numbers(name, shape);
    }
    return all;
}

std::vector<Tensor> gradients_at(const NamedTensors& parameters, std::size_t step) {
    std::vector<Tensor> gradients;
    for (const auto& [name, parameter] : parameters) {
        const bool none = name == "b" && step == 2;
        gradients.push_back(none ? Tensor()
                                 : 0.3 * parameter + numbers(name + "/" + std::to_string(step), kShapes.at(name)));
    }
    return gradients;
}

nlohmann::json references() {
    std::ifstream file(std::string(REVERIE_TEST_DATA) + "/parity/references/optimizers.json");
    return nlohmann::json::parse(file);
}

OptimizerOptions options_of(const nlohmann::json& reference) {
    const std::string kind = reference["kind"];
    return {.kind = kind == "adam"    ? OptimizerKind::Adam
                    : kind == "adamw" ? OptimizerKind::AdamW
                    : kind == "muon"  ? OptimizerKind::Muon
                                      : OptimizerKind::RmsProp,
            .learning_rate = reference["learning_rate"],
            .beta1 = reference["beta1"],
            .beta2 = reference["beta2"],
            .epsilon = reference["epsilon"],
            .weight_decay = reference["weight_decay"],
            .clip_value = reference["clip_value"]};
}

TEST(Optimizers, StepAsPyTorchs) {
    const nlohmann::json file = references();
    const std::vector<double> rates = file["rates"];
    ASSERT_EQ(file["cases"].size(), 7U);
    for (const nlohmann::json& reference : file["cases"]) {
        const NamedTensors all = parameters();
        Optimizer optimizer(all, options_of(reference));
        for (std::size_t step = 0; step < rates.size(); ++step) {
            optimizer.step(gradients_at(all, step), rates[step]);
        }
        for (const auto& [name, parameter] : all) {
            const std::vector<float> wanted = reference["values"][name];
            const Tensor difference = parameter.flatten() - at::tensor(wanted);
            // Values below 1 after six float32 steps whose operations are ordered differently.
            EXPECT_LT(difference.abs().max().item<double>(), 1e-6) << reference["kind"] << " " << name;
        }
    }
}

TEST(Optimizers, GoOnFromTheirStateToTheBit) {
    const nlohmann::json file = references();
    for (const nlohmann::json& reference : file["cases"]) {
        const NamedTensors all = parameters();
        Optimizer whole(all, options_of(reference));
        for (std::size_t step = 0; step < 3; ++step) {
            whole.step(gradients_at(all, step), 1.0);
        }
        NamedTensors copies;
        for (const auto& [name, parameter] : all) {
            copies[name] = parameter.clone();
        }
        Optimizer later(copies, options_of(reference));
        later.restore(whole.state());
        whole.step(gradients_at(all, 3), 1.0);
        later.step(gradients_at(copies, 3), 1.0);
        for (const auto& [name, parameter] : all) {
            EXPECT_TRUE(parameter.equal(copies[name])) << reference["kind"] << " " << name;
        }
    }
}

TEST(Optimizers, TakeGradientsThatLieOtherwiseInMemory) {
    const Tensor weight = numbers("a", {3, 5});
    const Tensor same = weight.clone();
    const Tensor gradient = numbers("a/0", {3, 5});
    Optimizer one({{"a", weight}}, {});
    Optimizer other({{"a", same}}, {});
    one.step({gradient}, 1.0);
    other.step({gradient.t().contiguous().t()}, 1.0);
    EXPECT_TRUE(weight.equal(same));
}

TEST(Optimizers, LeaveTheCallersGradientsAlone) {
    for (const OptimizerKind kind : kKinds) {
        const Tensor gradient = numbers("a/0", {3, 5});
        const Tensor before = gradient.clone();
        Optimizer optimizer({{"a", numbers("a", {3, 5})}}, {.kind = kind, .weight_decay = 0.1, .clip_value = 0.2});
        optimizer.step({gradient}, 1.0);
        EXPECT_TRUE(gradient.equal(before));
    }
}

TEST(Optimizers, RefuseAnothersState) {
    Optimizer optimizer(parameters(), {});
    Optimizer other({{"a", numbers("a", {3, 5})}}, {.kind = OptimizerKind::RmsProp});
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { optimizer.restore(other.state()); }),
                HasSubstr("lacks 'a.first'"));
    NamedTensors state = optimizer.state();
    state["a.first"] = at::zeros({5, 3});
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { optimizer.restore(state); }), HasSubstr("[5, 3]"));
}

TEST(Schedules, AreFunctionsOfSteps) {
    const ScheduleOptions constant{.kind = Schedule::Constant};
    EXPECT_EQ(rate_at(constant, 0, 100, 10), 1.0);
    EXPECT_EQ(rate_at(constant, 99, 100, 10), 1.0);

    const ScheduleOptions cosine{.kind = Schedule::Cosine};
    EXPECT_EQ(rate_at(cosine, 0, 100, 10), 1.0);
    EXPECT_NEAR(rate_at(cosine, 50, 100, 10), 0.5, 1e-15);
    EXPECT_NEAR(rate_at(cosine, 25, 100, 10), 0.5 + std::sqrt(0.125), 1e-15);
    EXPECT_EQ(rate_at(cosine, 100, 100, 10), 0.0);
    EXPECT_EQ(rate_at(cosine, 130, 100, 10), 0.0) << "behind the end";

    const ScheduleOptions exponential{.kind = Schedule::Exponential, .decay = 0.9};
    EXPECT_EQ(rate_at(exponential, 9, 100, 10), 1.0);
    EXPECT_EQ(rate_at(exponential, 10, 100, 10), 0.9);
    EXPECT_NEAR(rate_at(exponential, 39, 100, 10), 0.729, 1e-15);
}

TEST(Schedules, WarmUpFromZero) {
    const ScheduleOptions warm{.kind = Schedule::Cosine, .warmup_steps = 20};
    EXPECT_EQ(rate_at(warm, 0, 100, 10), 0.0);
    EXPECT_EQ(rate_at(warm, 5, 100, 10), 0.25);
    EXPECT_EQ(rate_at(warm, 20, 100, 10), 1.0);
    EXPECT_NEAR(rate_at(warm, 60, 100, 10), 0.5, 1e-15) << "the cosine takes what the warm-up leaves";
}

TEST(MeanWeights, FollowTheFormula) {
    const Tensor weight = at::tensor({1.0F, 2.0F});
    const Tensor counter = at::zeros({}, at::kLong);
    WeightAverage average({{"w", weight}, {"counter", counter}}, 640.0);
    double mean = 1.0;
    double now = 1.0;
    for (std::int64_t step = 0; step < 200; ++step) {
        now = 1.0 + 0.01 * static_cast<double>(step);
        weight[0].fill_(now);
        counter.fill_(step);
        average.update(step, 64);
        const auto t = static_cast<double>(step);
        const double keep = std::min(std::exp2(-0.1), (1 + t) / (10 + t));
        mean = keep * mean + (1 - keep) * static_cast<double>(static_cast<float>(now));
    }
    EXPECT_NEAR(average.mean().at("w")[0].item<double>(), mean, 2e-6);  // a float32 sum of numbers below 3
    EXPECT_LT(mean, now - 0.05) << "a mean that lags behind";
    EXPECT_EQ(average.mean().at("counter").item<std::int64_t>(), 199) << "a whole number is taken as it is";
}

TEST(MeanWeights, AreExchangedInPlace) {
    const Tensor weight = at::tensor({1.0F, 2.0F});
    WeightAverage average({{"w", weight}}, 10.0);
    weight.fill_(5.0);
    average.swap();
    EXPECT_TRUE(weight.equal(at::tensor({1.0F, 2.0F})));
    EXPECT_TRUE(average.mean().at("w").equal(at::tensor({5.0F, 5.0F})));
    average.swap();
    EXPECT_TRUE(weight.equal(at::tensor({5.0F, 5.0F})));
    average.restore({{"w", at::tensor({7.0F, 8.0F})}});
    EXPECT_TRUE(average.mean().at("w").equal(at::tensor({7.0F, 8.0F})));
}

TEST(Optimizer, RestsWhereItIsTold) {
    for (const OptimizerKind kind : kKinds) {
        const OptimizerOptions options{.kind = kind, .learning_rate = 0.01, .weight_decay = 0.1};
        const NamedTensors resting = parameters();
        const NamedTensors plain = parameters();
        Optimizer a(resting, options);
        Optimizer b(plain, options);
        for (std::size_t step = 0; step < 3; ++step) {
            const bool rests = step == 1;
            const std::vector<Tensor> gradients = gradients_at(plain, step);
            a.step(gradients, 1.0, at::scalar_tensor(rests, at::kBool));
            if (!rests) {
                b.step(gradients, 1.0);
            }
        }
        for (const auto& [name, parameter] : plain) {
            EXPECT_TRUE(at::equal(resting.at(name), parameter)) << name;
        }
        const NamedTensors states = a.state();
        for (const auto& [name, state] : b.state()) {
            EXPECT_TRUE(at::equal(states.at(name), state)) << name;
        }
    }
}

}  // namespace
}  // namespace reverie
