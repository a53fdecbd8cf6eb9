#include "reverie/train/loop.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "reverie/core/files.h"
#include "reverie/output/records.h"
#include "reverie/weights/state_dict.h"
#include "support/expect_error.h"
#include "tiny_run.h"

namespace reverie {
namespace {

using test::expect_error;
using test::train_tiny;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of_file(const std::filesystem::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> names_of(const Scalars& values) {
    std::vector<std::string> names;
    for (const auto& [name, value] : values) {
        names.push_back(name);
    }
    return names;
}

double value_of(const Scalars& values, const std::string& name) {
    for (const auto& [found, value] : values) {
        if (found == name) {
            return value;
        }
    }
    ADD_FAILURE() << "no value '" << name << "'";
    return std::nan("");
}

class Loop : public testing::Test {
  protected:
    test::TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "run";
    test::TinyRun run_;
    std::vector<std::string> warnings_;
    Loop() {
        run_.hooks.on_warning = [this](const std::string& said) { warnings_.push_back(said); };
    }
    std::vector<Record> records() const { return read_json_lines(path_ / kMetricsFile); }
};

TEST_F(Loop, LearnsAndLeavesACompleteFolder) {
    std::vector<Progress> reports;
    std::vector<std::int64_t> previews;
    run_.hooks.on_progress = [&](const Progress& progress) { reports.push_back(progress); };
    run_.hooks.on_preview = [&](const Tensor& image, std::int64_t step) {
        EXPECT_EQ(image.sizes().vec(), (std::vector<std::int64_t>{3, test::kHeight, test::kWidth}));
        previews.push_back(step);
    };
    const TrainResult result = train_tiny(path_, run_);
    EXPECT_EQ(result.steps, 50);
    EXPECT_EQ(result.end, TrainEnd::Finished);
    EXPECT_EQ(result.rollbacks, 0);
    EXPECT_THAT(names_of(result.last), ElementsAre("validation/loss", "validation/images"));
    EXPECT_THAT(previews, ElementsAre(0, 20, 40, 50));
    ASSERT_EQ(reports.size(), 50U);
    EXPECT_EQ(reports[9].stage, "step 10/50, epoch 4");  // 60 samples of 16 images
    EXPECT_EQ(reports[9].value_name, "loss");

    const std::vector<Record> lines = records();
    std::vector<std::int64_t> logged;
    std::vector<std::int64_t> validated;
    for (const Record& line : lines) {
        (line.values.front().first.starts_with("validation/") ? validated : logged).push_back(line.step);
    }
    EXPECT_THAT(logged, ElementsAre(7, 14, 21, 28, 35, 42, 49, 50));
    EXPECT_THAT(validated, ElementsAre(12, 24, 36, 48, 50));
    EXPECT_THAT(names_of(lines.front().values), ElementsAre("loss", "brightness", "gradient_norm", "learning_rate"));
    EXPECT_LT(value_of(result.last, "validation/loss"), 0.8 * value_of(lines[1].values, "validation/loss"));
    EXPECT_EQ(value_of(result.last, "validation/images"), 2) << "of the two that the split holds back";

    for (const char* name : {"checkpoint.safetensors", "checkpoint-previous.safetensors", kWeightsFile, kAverageFile,
                             kBestFile, kMetricsTable, kTimingFile, kSkippedFile, kReportFile, "curves.png",
                             "previews/00000000.png", "previews/00000050.png", "events"}) {
        EXPECT_TRUE(std::filesystem::exists(path_ / name)) << name;
    }
    EXPECT_FALSE(std::filesystem::exists(path_ / ".lock"));
    EXPECT_THAT(text_of_file(path_ / kReportFile), AllOf(HasSubstr("Trained 50 of 50 steps"), HasSubstr("a test")));
    EXPECT_THAT(text_of_file(path_ / kMetricsTable), HasSubstr("validation/loss"));
    EXPECT_THAT(text_of_file(path_ / kTimingFile), HasSubstr("images_per_second"));
    EXPECT_TRUE(warnings_.empty());
}

TEST_F(Loop, WhatIsDoneBetweenStepsIsReportedAsAPause) {
    std::vector<double> aside;
    run_.hooks.on_progress = [&](const Progress& progress) { aside.push_back(progress.aside); };
    run_.hooks.on_preview = [](const Tensor& /*image*/, std::int64_t step) {
        if (step == 20) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    };
    run_.options.preview_every = 20;
    train_tiny(path_, run_);
    ASSERT_EQ(aside.size(), 50U);
    EXPECT_GE(aside[19], 0.05);
}

TEST_F(Loop, ExportsWeightsMeansAndTheBest) {
    train_tiny(path_, run_);
    const StateDict weights = read_state_dict(path_ / kWeightsFile);
    const StateDict mean = read_state_dict(path_ / kAverageFile);
    const StateDict best = read_state_dict(path_ / kBestFile);
    EXPECT_THAT(weights.names(), ElementsAre("brightness", "calls", "in.bias", "in.weight", "out.bias", "out.weight"));
    EXPECT_THAT(mean.names(), ElementsAre("in.bias", "in.weight", "out.bias", "out.weight"));
    EXPECT_EQ(best.names(), mean.names());
    EXPECT_EQ(weights.metadata().at("net"), "tiny");
    EXPECT_EQ(weights.metadata().at("step"), "50");
    EXPECT_EQ(weights.load("calls").item<std::int64_t>(), 50);
    EXPECT_FALSE(weights.load("in.weight").equal(mean.load("in.weight")));
    ASSERT_EQ(best.metadata().at("step"), "50") << "it improves to the end, so far from overfitting";
    EXPECT_TRUE(best.load("in.weight").equal(mean.load("in.weight"))) << "measured and kept with the mean in place";
}

TEST_F(Loop, KeepsTheBestWhenItGetsWorseAgain) {
    run_.task.on_loss = [](const Tensor& loss, const StepInput& input) { return input.step < 24 ? loss : -loss; };
    train_tiny(path_, run_);
    EXPECT_EQ(read_state_dict(path_ / kBestFile).metadata().at("step"), "24");
}

TEST_F(Loop, WithoutMeanAndValidationThereIsNeither) {
    run_.options.average_half_life = 0.0;
    run_.options.preview_every = 0;
    run_.with_validation = false;
    const TrainResult result = train_tiny(path_, run_);
    EXPECT_EQ(names_of(result.last).front(), "loss");
    EXPECT_FALSE(std::filesystem::exists(path_ / kAverageFile));
    EXPECT_FALSE(std::filesystem::exists(path_ / kBestFile));
    EXPECT_FALSE(std::filesystem::exists(path_ / kPreviewFolder));
}

TEST_F(Loop, LogsMeansOverTheInterval) {
    std::vector<double> losses;
    run_.task.on_loss = [&](const Tensor& loss, const StepInput&) {
        losses.push_back(loss.item<double>());
        return loss;
    };
    train_tiny(path_, run_);
    double sum = 0.0;
    for (std::size_t i = 7; i < 14; ++i) {
        sum += losses[i];
    }
    std::vector<Record> lines = records();
    std::erase_if(lines, [](const Record& line) { return line.step != 14; });
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NEAR(value_of(lines[0].values, "loss"), sum / 7, 1e-15);  // both in float64
    // The rate of the last of these steps: 13 of 50, the first 5 warm up.
    EXPECT_NEAR(value_of(lines[0].values, "learning_rate"), 0.01 * 0.5 * (1 + std::cos(M_PI * 8 / 45)), 1e-15);
}

TEST_F(Loop, GivesEveryPhaseItsOwnGradientsAndSteps) {
    run_.task.two_phases = true;
    run_.options.average_half_life = 0.0;
    run_.options.steps = 1;
    run_.options.schedule = {};
    train_tiny(path_, run_);
    const auto difference = [](const std::filesystem::path& one, const std::filesystem::path& other,
                               const std::string& name) {
        return !read_state_dict(one / kWeightsFile).load(name).equal(read_state_dict(other / kWeightsFile).load(name));
    };
    run_.options.steps = 3;
    train_tiny(folder_ / "three", run_);
    run_.options.steps = 4;
    train_tiny(folder_ / "four", run_);
    EXPECT_TRUE(difference(path_, folder_ / "three", "in.weight"));
    EXPECT_FALSE(difference(path_, folder_ / "three", "out.weight")) << "its phase runs in steps 0 and 3 only";
    EXPECT_TRUE(difference(folder_ / "three", folder_ / "four", "out.weight"));
    EXPECT_THAT(names_of(read_json_lines(folder_ / "four" / kMetricsFile).front().values),
                ElementsAre("first/loss", "first/brightness", "first/gradient_norm", "second/loss", "second/brightness",
                            "second/gradient_norm", "first/learning_rate", "second/learning_rate"));
}

TEST_F(Loop, ClipsTheNormOfAllGradientsTogether) {
    // Gradients of 1000 times the loss are far longer than the limit, so the first momentum says what was let through.
    run_.task.on_loss = [](const Tensor& loss, const StepInput&) { return 1000 * loss; };
    run_.options.steps = 1;
    run_.options.clip_norm = 0.25;
    train_tiny(path_, run_);
    const StateDict state = read_state_dict(path_ / "checkpoint.safetensors");
    double squares = 0.0;
    for (const char* name : {"in.bias", "in.weight", "out.bias", "out.weight"}) {
        const Tensor first = state.load("optimizer/net/" + std::string(name) + ".first") / 0.1;  // 1 - beta1
        squares += first.to(at::kDouble).square().sum().item<double>();
    }
    EXPECT_NEAR(std::sqrt(squares), 0.25, 1e-5);  // float32
    EXPECT_GT(value_of(records().front().values, "gradient_norm"), 1.0) << "logged as it was";
}

TEST_F(Loop, GoesBackWhenTheLossIsNoNumber) {
    run_.task.on_loss = [this](const Tensor& loss, const StepInput& input) {
        return input.step == 17 && input.seed == run_.options.seed ? loss * std::nan("") : loss;
    };
    const TrainResult result = train_tiny(path_, run_);
    EXPECT_EQ(result.end, TrainEnd::Finished);
    EXPECT_EQ(result.rollbacks, 1);
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_THAT(warnings_[0], AllOf(HasSubstr("by step 20"), HasSubstr("from step 14")));
    EXPECT_TRUE(read_state_dict(path_ / kWeightsFile).load("in.weight").isfinite().all().item<bool>());
    EXPECT_EQ(read_state_dict(path_ / kWeightsFile).load("calls").item<std::int64_t>(), 50)
        << "steps are not counted twice";
    for (const Record& line : records()) {
        if (line.step == 21) {  // step 20 of 50, half of it
            EXPECT_NEAR(value_of(line.values, "learning_rate"), 0.005 * 0.5 * (1 + std::cos(M_PI * 15 / 45)), 1e-15);
        }
    }
    EXPECT_THAT(text_of_file(path_ / kReportFile), HasSubstr("earlier state 1 time"));
}

TEST_F(Loop, GoesBackWhenAGradientIsNoNumberThoughTheLossIs) {
    run_.task.on_loss = [this](const Tensor& loss, const StepInput& input) {
        return input.step == 17 && input.seed == run_.options.seed ? loss + (loss - loss.detach()).sqrt() : loss;
    };
    EXPECT_EQ(train_tiny(path_, run_).rollbacks, 1);
}

TEST_F(Loop, StopsAfterTheThirdReturnWithTheLastGoodStateSaved) {
    run_.task.on_loss = [](const Tensor& loss, const StepInput& input) {
        return input.step >= 17 ? loss * std::numeric_limits<double>::infinity() : loss;
    };
    const auto refused = [this] { return expect_error(ErrorKind::Input, [this] { train_tiny(path_, run_); }); };
    EXPECT_THAT(refused(), AllOf(HasSubstr("step 14"), HasSubstr("--learning-rate"), HasSubstr("--clip-norm")));
    EXPECT_EQ(warnings_.size(), 3U);
    EXPECT_THAT(text_of_file(path_ / kReportFile), HasSubstr("fourth time"));
    const StateDict weights = read_state_dict(path_ / kWeightsFile);
    EXPECT_EQ(weights.metadata().at("step"), "14");
    EXPECT_TRUE(weights.load("in.weight").isfinite().all().item<bool>());
    EXPECT_EQ(records().back().step, 14);
    refused();
    EXPECT_EQ(warnings_.size(), 3U) << "returns are counted over all processes";
}

TEST_F(Loop, StopsWhenTheUserDoes) {
    CancelToken token;
    run_.hooks.cancel = &token;
    run_.task.on_loss = [&](const Tensor& loss, const StepInput& input) {
        if (input.step == 30) {
            token.request();
        }
        return loss;
    };
    const TrainResult result = train_tiny(path_, run_);
    EXPECT_EQ(result.end, TrainEnd::Cancelled);
    EXPECT_EQ(result.steps, 31) << "the step in progress is ended";
    EXPECT_EQ(read_state_dict(path_ / kWeightsFile).metadata().at("step"), "31");
    EXPECT_THAT(text_of_file(path_ / kReportFile), AllOf(HasSubstr("31 of 50"), HasSubstr("--resume")));
}

TEST_F(Loop, StopsWhenTheTimeIsUp) {
    run_.options.seconds = 1e-6;
    run_.options.steps = 1000000;
    const TrainResult result = train_tiny(path_, run_);
    EXPECT_EQ(result.end, TrainEnd::TimeUp);
    EXPECT_EQ(result.steps, 1) << "however little time there is, it gets somewhere";
    EXPECT_TRUE(std::filesystem::exists(path_ / kReportFile));
}

TEST_F(Loop, DoesNothingMoreWithAFinishedRun) {
    train_tiny(path_, run_);
    const auto before = test::digests_of(path_);
    const TrainResult again = train_tiny(path_, run_);
    EXPECT_EQ(again.steps, 50);
    EXPECT_EQ(again.end, TrainEnd::Finished);
    EXPECT_EQ(test::digests_of(path_), before);
}

TEST(TrainOptionsAre, CheckedInFlagNames) {
    const auto refused = [](const std::function<void(TrainOptions&)>& change) {
        TrainOptions options = test::tiny_options();
        change(options);
        return expect_error(ErrorKind::Usage, [&] { validate(options); });
    };
    validate(test::tiny_options());
    EXPECT_THAT(refused([](TrainOptions& o) { o.steps = 0; }), AllOf(HasSubstr("--steps"), HasSubstr("--epochs")));
    EXPECT_THAT(refused([](TrainOptions& o) { o.steps = -1; }), HasSubstr("--steps"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.seconds = -1; }), HasSubstr("--time"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.batch = 0; }), HasSubstr("--batch"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.schedule.decay = 1.5; }), HasSubstr("--decay"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.clip_norm = std::nan(""); }), HasSubstr("--clip-norm"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.average_half_life = -1; }), HasSubstr("--ema"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.log_every = 0; }), HasSubstr("--log-every"));
    EXPECT_THAT(refused([](TrainOptions& o) { o.mixed_precision = true; }), HasSubstr("--mixed-precision"));
    EXPECT_THAT(refused([](TrainOptions& o) {
                    o.engine = TrainEngine::Own;
                    o.device = c10::Device(c10::kCUDA, 0);
                }),
                AllOf(HasSubstr("--engine"), HasSubstr("--device")));
}

TEST(TrainOptionsAre, TurnedFromEpochsIntoSteps) {
    EXPECT_EQ(planned_steps({.steps = 7, .epochs = 3}, 1000), 7);
    EXPECT_EQ(planned_steps({.epochs = 3, .batch = 64}, 1000), 47);  // 46.9
    EXPECT_EQ(planned_steps({.epochs = 0.5, .batch = 10}, 100), 5);
    EXPECT_EQ(planned_steps({.epochs = 0.001, .batch = 10}, 100), 1);
}

TEST_F(Loop, APhaseRestsWhileItsLossIsSmallEnough) {
    run_.task.two_phases = true;
    run_.options.steps = 5;
    const auto weights_after = [&](const char* name, double rests_at) {
        run_.task.first_rests_at = rests_at;
        train_tiny(folder_ / name, run_);
        const StateDict weights = read_state_dict(folder_ / name / kWeightsFile);
        return std::pair{weights.load("in.weight"), weights.load("out.weight")};
    };
    const Tensor begun = test::TinyTask().state().at("in.weight").detach();
    const auto [resting, other] = weights_after("resting", 1e9);
    const auto [moving, moved] = weights_after("moving", 0.0);
    EXPECT_TRUE(at::equal(resting, begun));
    EXPECT_FALSE(at::equal(moving, begun));
    EXPECT_FALSE(at::equal(other, test::TinyTask().state().at("out.weight").detach())) << "the other phase goes on";
}

/// How often a value was read back from the device while it lives.
class ReadBacks {
  public:
    ReadBacks() {
        count = 0;
        at::RecordFunctionCallback callback(
            [](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
                count += std::string(function.name()) == "aten::_local_scalar_dense" ? 1 : 0;
                return nullptr;
            });
        handle_ = at::addThreadLocalCallback(callback);
    }
    ~ReadBacks() { at::removeCallback(handle_); }
    ReadBacks(const ReadBacks&) = delete;
    ReadBacks& operator=(const ReadBacks&) = delete;
    static thread_local int count;

  private:
    at::CallbackHandle handle_;
};
thread_local int ReadBacks::count = 0;

TEST_F(Loop, ReadsNoLossBackToKnowWhetherAPhaseRests) {
    run_.with_validation = false;
    run_.task.two_phases = true;
    run_.options.steps = 20;
    run_.options.log_every = 1000;
    run_.options.preview_every = 0;
    const auto read_backs_of = [&](const std::string& name, double rests_at) {
        run_.task.first_rests_at = rests_at;
        const ReadBacks counted;
        train_tiny(folder_ / name, run_);
        return ReadBacks::count;
    };
    // On the CPU the optimiser's own kernel reads its count of steps.
    const int never = read_backs_of("never", -std::numeric_limits<double>::infinity());
    EXPECT_EQ(read_backs_of("rests", 1e-9), never);
    EXPECT_GT(never, 0);
}

}  // namespace
}  // namespace reverie
