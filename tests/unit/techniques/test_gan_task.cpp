#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "reverie/core/noise.h"
#include "reverie/data/dataset.h"
#include "reverie/image/picture.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/gan.h"
#include "reverie/techniques/latent_space.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using test::expect_error;
using testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);
const GanMeasure kUnmeasured;

GanOptions small(Size size = Size{16, 16}, std::int64_t channels = 1) {
    GanOptions options;
    options.net = {.size = size, .channels = channels, .latent = 6, .generator_width = 4, .discriminator_width = 4};
    options.generator = {.learning_rate = 2e-3, .beta1 = 0.5};
    options.discriminator = options.generator;
    return options;
}

/// White squares on black, each somewhere else.
Batch squares(std::int64_t count, std::int64_t step, std::int64_t channels = 1) {
    const Tensor images = at::zeros({count, channels, 16, 16});
    const Tensor places = uniform_noise(1, 2, step * count, count, {2}).mul(8.0).to(at::kLong);
    for (std::int64_t i = 0; i < count; ++i) {
        images[i]
            .narrow(1, places[i][0].item<std::int64_t>(), 8)
            .narrow(2, places[i][1].item<std::int64_t>(), 8)
            .fill_(1.0);
    }
    return {images, at::arange(count, at::kLong) % 2, at::arange(count, at::kLong), step * count};
}

/// The loop's step, without the loop.
class Stepper {
  public:
    explicit Stepper(GanTask& task) : phases_(task.phases()) {
        for (const Phase& phase : phases_) {
            optimizers_.push_back(std::make_unique<Optimizer>(phase.parameters, phase.optimizer));
        }
    }
    /// Losses of the phases that ran.
    std::vector<double> step(const Batch& batch, std::int64_t number) {
        std::vector<double> losses;
        last = StepLog();
        for (std::size_t i = 0; i < phases_.size(); ++i) {
            if (number % phases_[i].every != 0) {
                continue;
            }
            std::vector<Tensor> parameters;
            for (const auto& [name, tensor] : phases_[i].parameters) {
                parameters.push_back(tensor);
            }
            for (const Tensor& parameter : parameters) {
                parameter.mutable_grad() = Tensor();
            }
            const Tensor loss = phases_[i].loss({batch, number, 100, 1}, last);
            loss.backward();
            std::vector<Tensor> gradients;
            for (const Tensor& parameter : parameters) {
                gradients.push_back(parameter.grad());
            }
            const c10::NoGradGuard no_grad;
            optimizers_[i]->step(gradients, 1.0);
            losses.push_back(loss.item<double>());
        }
        return losses;
    }
    double logged(const std::string& name) const {
        for (const auto& [key, value] : last.values()) {
            if (key == name) {
                return value.item<double>();
            }
        }
        return std::nan("");
    }
    StepLog last;

  private:
    std::vector<Phase> phases_;
    std::vector<std::unique_ptr<Optimizer>> optimizers_;
};

NamedTensors copy_of(const NamedTensors& tensors) {
    NamedTensors copies;
    for (const auto& [name, tensor] : tensors) {
        copies[name] = tensor.detach().clone();
    }
    return copies;
}

TEST(GanTask, GeneratorLearnsWhereTheImagesAreBright) {
    GanTask task(small(), 3, kCpu, kUnmeasured);
    Stepper stepper(task);
    for (std::int64_t step = 0; step < 150; ++step) {
        stepper.step(squares(16, step), step);
    }
    // A square covers a quarter of its image; the nets begin at grey.
    const Gan gan(small().net, task.state(), kCpu);
    const Tensor images = gan.generate(seed_latents({1, 2, 3, 4, 5, 6, 7, 8}, 6));
    EXPECT_NEAR(images.mean().item<double>(), 0.25, 0.12);
    EXPECT_GT(images.std().item<double>(), 0.25) << "grey instead of black and white";
    EXPECT_GT((images[0] - images[1]).abs().mean().item<double>(), 0.02) << "always the same image";
}

TEST(GanTask, GeneratorWantsTheImagesThatTheDiscriminatorSawInThatStep) {
    GanTask task(small(), 3, kCpu, kUnmeasured);
    const std::vector<Phase> phases = task.phases();
    StepLog log;
    const Batch batch = squares(4, 0);
    EXPECT_TRUE(phases[0].loss({batch, 1, 100, 1}, log).defined());
    EXPECT_TRUE(phases[1].loss({batch, 1, 100, 1}, log).defined());
    const auto again = [&] { phases[1].loss({batch, 1, 100, 1}, log); };
    EXPECT_THAT(expect_error(ErrorKind::Internal, again), HasSubstr("step 1 ")) << "they were taken";
    phases[0].loss({batch, 2, 100, 1}, log);
    const auto later = [&] { phases[1].loss({batch, 3, 100, 1}, log); };
    EXPECT_THAT(expect_error(ErrorKind::Internal, later), HasSubstr("step 3 ")) << "they are of step 2";
}

TEST(GanTask, AStepIsAFunctionOfStateAndInput) {
    GanOptions options = small();
    options.augment = {.color = true, .translation = true, .cutout = true};
    options.augment_target = 0.5;
    options.augment_images = 200;
    options.augment_probability = 0.3;
    options.r1 = 1.0;
    options.r1_every = 2;
    options.real_labels = {0.8, 1.0};
    GanTask straight(options, 3, kCpu, kUnmeasured);
    Stepper first(straight);
    for (std::int64_t step = 0; step < 2; ++step) {
        first.step(squares(8, step), step);
    }
    GanTask resumed(options, 9, kCpu, kUnmeasured);
    load_weights(resumed.state(), straight.state());
    const std::vector<double> a = Stepper(straight).step(squares(8, 2), 2);
    const std::vector<double> b = Stepper(resumed).step(squares(8, 2), 2);
    EXPECT_EQ(a, b);
    const NamedTensors theirs = resumed.state();
    for (const auto& [name, tensor] : straight.state()) {
        EXPECT_TRUE(at::equal(tensor, theirs.at(name))) << name;
    }
}

TEST(GanTask, EachPhaseChangesItsOwnNetAlone) {
    GanTask task(small(), 3, kCpu, kUnmeasured);
    std::vector<Phase> phases = task.phases();
    ASSERT_EQ(phases.size(), 2U);
    EXPECT_EQ(phases[0].name, "discriminator");
    EXPECT_EQ(phases[1].name, "generator");
    for (const Phase& phase : phases) {
        for (const auto& [name, tensor] : phase.parameters) {
            EXPECT_TRUE(name.starts_with(phase.name + ".")) << name;
        }
    }
}

TEST(GanTask, CriticStepsLetTheGeneratorWait) {
    GanOptions options = small();
    options.loss = GanLoss::Wasserstein;
    options.gradient_penalty = 10.0;
    options.critic_steps = 3;
    GanTask task(options, 3, kCpu, kUnmeasured);
    Stepper stepper(task);
    std::vector<std::size_t> ran;
    for (std::int64_t step = 0; step < 4; ++step) {
        const NamedTensors before = copy_of(task.state());
        ran.push_back(stepper.step(squares(8, step), step).size());
        bool moved = false;
        const std::vector<Phase> phases = task.phases();
        for (const auto& [name, tensor] : phases[1].parameters) {
            moved = moved || !at::equal(before.at(name), tensor);
        }
        EXPECT_EQ(moved, step % 3 == 0) << step;
    }
    EXPECT_EQ(ran, (std::vector<std::size_t>{2, 1, 1, 2}));
    EXPECT_GT(stepper.logged("gradient_penalty"), 0.0);
}

TEST(GanTask, AugmentationFollowsHowSureTheDiscriminatorIs) {
    GanOptions options = small();
    options.augment = {.translation = true};
    options.augment_target = 0.6;
    options.augment_images = 400;
    options.augment_probability = 0.5;
    GanTask task(options, 3, kCpu, kUnmeasured);
    Stepper stepper(task);
    stepper.step(squares(8, 0), 0);
    EXPECT_LT(stepper.logged("sure_of_reals"), 0.6);
    EXPECT_NEAR(stepper.logged("augment_probability"), 0.5 - 8.0 / 400.0, 1e-6) << "not sure: less of it";
    task.state().at("augment.sure").fill_(0.99);
    stepper.step(squares(8, 1), 1);
    EXPECT_NEAR(stepper.logged("augment_probability"), 0.5, 1e-6) << "too sure: more of it";
}

TEST(GanTask, LazyPenaltyIsWeighedByItsInterval) {
    GanOptions options = small();
    options.r1 = 2.0;
    options.r1_every = 4;
    GanTask with(options, 3, kCpu, kUnmeasured);
    options.r1 = 0.0;
    GanTask without(options, 3, kCpu, kUnmeasured);
    Stepper a(with);
    const double loss = a.step(squares(8, 0), 0)[0];
    const double r1 = a.logged("r1");
    EXPECT_GT(r1, 0.0);
    EXPECT_NEAR(loss - Stepper(without).step(squares(8, 0), 0)[0], 2.0 * 4.0 * r1, 1e-5 * (1.0 + loss));
    a.step(squares(8, 1), 1);
    EXPECT_TRUE(std::isnan(a.logged("r1"))) << "not in every step";
}

TEST(GanTask, RunningMeanHoldsTheGeneratorAndNoCounts) {
    GanTask task(small(), 3, kCpu, kUnmeasured);
    for (const auto& [name, tensor] : task.averaged()) {
        EXPECT_TRUE(name.starts_with("generator.")) << name;
        EXPECT_TRUE(tensor.is_floating_point()) << name;
    }
    EXPECT_EQ(task.metadata().at("program"), "gan");
    EXPECT_NO_THROW(Gan(small().net, task.averaged(), kCpu)) << "enough to make images from";
}

TEST(GanTask, BeginsFromOtherWeightsAlsoOfTheGeneratorAlone) {
    GanTask first(small(), 3, kCpu, kUnmeasured);
    GanTask whole(small(), 4, kCpu, kUnmeasured, first.state());
    GanTask mean(small(), 4, kCpu, kUnmeasured, first.averaged());
    EXPECT_TRUE(at::equal(first.preview(), whole.preview()));
    EXPECT_TRUE(at::equal(first.preview(), mean.preview()));
    GanOptions other = small();
    other.net.generator_width = 5;
    EXPECT_THAT(expect_error(ErrorKind::Input, [&] { GanTask(other, 4, kCpu, kUnmeasured, first.state()); }),
                HasSubstr("generator."));
}

/// Eight grey waves, as files.
Dataset waves(const test::TemporaryFolder& folder) {
    const Tensor y = at::arange(16, at::kFloat).view({16, 1});
    const Tensor x = at::arange(16, at::kFloat).view({1, 16});
    for (int i = 0; i < 8; ++i) {
        const double slope = 0.2 * (i + 1);
        save_image(folder / (std::to_string(i) + ".png"),
                   (0.5 + 0.5 * at::sin(slope * x + (2.0 - slope) * y)).expand({3, 16, 16}).contiguous());
    }
    return open_dataset(folder.path(), {.channels = 1});
}

double among(const Scalars& scalars, const std::string& name) {
    for (const auto& [key, value] : scalars) {
        if (key == name) {
            return value;
        }
    }
    ADD_FAILURE() << "no " << name;
    return 0.0;
}

TEST(GanTask, CollapseIsSaidAtTheNextMeasurement) {
    const test::TemporaryFolder folder;
    const OrderedBatches reals(waves(folder), {0, 1, 2, 3, 4, 5, 6, 7}, 3);
    const GanMeasure measure{.net = std::make_shared<FrozenNet>(test::formula_lite0()),
                             .protocol = feature_protocol("efficientnet_lite0"),
                             .samples = 8};
    GanTask task(small(), 3, kCpu, measure);
    std::vector<std::string> warnings;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& said) { warnings.push_back(said); };
    for (const char* name : {"generator.norm.weight", "generator.norm.bias"}) {
        const c10::NoGradGuard no_grad;
        task.state().at(name).zero_();  // whatever the latent, the same image
    }
    const Scalars found = task.validate(reals, Ranks(), hooks);
    EXPECT_EQ(task.metric(), "frechet");
    EXPECT_GT(among(found, "frechet"), 0.0);
    EXPECT_NEAR(among(found, "diversity"), 0.0, 1e-3);
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_THAT(warnings[0], HasSubstr("collapsed"));
}

TEST(GanTask, TheBestDiversityIsPartOfItsState) {
    const test::TemporaryFolder folder;
    const OrderedBatches reals(waves(folder), {0, 1, 2, 3, 4, 5, 6, 7}, 3);
    const GanMeasure measure{.net = std::make_shared<FrozenNet>(test::formula_lite0()),
                             .protocol = feature_protocol("efficientnet_lite0"),
                             .samples = 8};
    GanTask task(small(), 3, kCpu, measure);
    const Tensor best = task.state().at("measure.best_diversity");
    const double found = among(task.validate(reals, Ranks(), {}), "diversity");
    EXPECT_EQ(best.item<double>(), found) << "the tensor itself";
    best.fill_(100.0);
    GanTask resumed(small(), 3, kCpu, measure);
    load_weights(resumed.state(), task.state());
    std::vector<std::string> warnings;
    Hooks hooks;
    hooks.on_warning = [&](const std::string& said) { warnings.push_back(said); };
    resumed.validate(reals, Ranks(), hooks);
    ASSERT_EQ(warnings.size(), 1U) << "less than half of what it was";
    EXPECT_THAT(warnings[0], HasSubstr("100.00"));
    EXPECT_THAT(task.added_later(), testing::ElementsAre("measure.best_diversity"));
}

TEST(Gan, ImageDependsOnItsOwnLatentAlone) {
    GanTask task(small(Size{17, 21}, 3), 3, kCpu, kUnmeasured);
    const Gan gan(small(Size{17, 21}, 3).net, task.state(), kCpu);
    const Tensor latents = seed_latents({5, 6, 7}, 6);
    const Tensor all = gan.generate(latents);
    EXPECT_EQ(all.sizes().vec(), (std::vector<std::int64_t>{3, 3, 17, 21}));
    EXPECT_TRUE(at::equal(gan.generate(latents.narrow(0, 2, 1)), all.narrow(0, 2, 1)));
    EXPECT_GE(all.min().item<double>(), 0.0);
    EXPECT_LE(all.max().item<double>(), 1.0);
}

TEST(Gan, ConditionalNetMakesWhatItsLabelSays) {
    GanOptions options = small();
    options.net.classes = 2;
    GanTask task(options, 3, kCpu, kUnmeasured);
    Stepper stepper(task);
    for (std::int64_t step = 0; step < 60; ++step) {
        Batch batch = squares(16, step);
        batch.images = batch.images * batch.labels.view({-1, 1, 1, 1});  // class 0 is black
        stepper.step(batch, step);
    }
    const Gan gan(options.net, task.state(), kCpu);
    const Tensor latents = seed_latents({1, 2, 3, 4}, 6);
    const auto black = gan.generate(latents, at::zeros({4}, at::kLong)).mean().item<double>();
    const auto white = gan.generate(latents, at::ones({4}, at::kLong)).mean().item<double>();
    EXPECT_LT(black + 0.05, white);
}

TEST(GanRecipes, HoldTheDiscriminatorTheMoreTheFewerImagesThereAre) {
    const auto options = [](std::int64_t images) { return gan_recipe("reverie", Size{32, 32}, 3, images).options; };
    EXPECT_EQ(options(200).augment_target, 0.2);
    EXPECT_EQ(options(4000).augment_target, 0.6);
    EXPECT_TRUE(options(4000).augment.any());
    EXPECT_FALSE(options(60'000).augment.any());
}

TEST(GanRecipes, AreWhatTheirAuthorsPublished) {
    const GanRecipe pytorch = gan_recipe("pytorch", Size{64, 64}, 3, 1000);
    EXPECT_EQ(pytorch.options.generator.learning_rate, 2e-4);
    EXPECT_EQ(pytorch.options.discriminator.beta1, 0.5);
    EXPECT_TRUE(pytorch.options.separate_batches);
    EXPECT_EQ(pytorch.training.average_half_life, 0.0);
    EXPECT_EQ(gan_recipe("pytorch-cpp", Size{28, 28}, 1, 1000).options.real_labels.low, 0.8);
    EXPECT_EQ(gan_recipe("chollet1e", Size{32, 32}, 3, 1000).options.discriminator.clip_value, 1.0);
    EXPECT_EQ(gan_recipe("chollet2e", Size{64, 64}, 3, 1000).training.batch, 32);
    EXPECT_NEAR(gan_recipe("koba-jon", Size{64, 64}, 3, 1000).options.discriminator_rest, 0.6931, 1e-4);
    EXPECT_THAT(expect_error(ErrorKind::Usage,
                             [] {
                                 gan_recipe("dcgan", Size{64, 64}, 3, 1000);
                             }),
                HasSubstr("koba-jon"));
}

TEST(GanOptions, AreCheckedInTheWordsOfFlags) {
    const auto complaint = [](auto&& change) {
        GanOptions options = small();
        change(options);
        return expect_error(ErrorKind::Usage, [&] { validate(options); });
    };
    EXPECT_THAT(complaint([](GanOptions& o) { o.r1 = -1.0; }), HasSubstr("--r1"));
    EXPECT_THAT(complaint([](GanOptions& o) { o.critic_steps = 0; }), HasSubstr("--critic-steps"));
    EXPECT_THAT(complaint([](GanOptions& o) { o.generator.learning_rate = 0.0; }), HasSubstr("--learning-rate"));
    EXPECT_THAT(complaint([](GanOptions& o) { o.discriminator.learning_rate = std::nan(""); }),
                HasSubstr("--discriminator-learning-rate"));
    EXPECT_THAT(complaint([](GanOptions& o) {
                    o.loss = GanLoss::Hinge;
                    o.real_labels = {0.9, 0.9};
                }),
                HasSubstr("--loss hinge"));
    EXPECT_THAT(complaint([](GanOptions& o) {
                    o.real_labels = {0.3, 0.9};
                    o.fake_labels = {0.0, 0.4};
                }),
                HasSubstr("--label-noise"));
    EXPECT_THAT(complaint([](GanOptions& o) { o.augment_probability = 1.5; }), HasSubstr("--augment-probability"));
}

}  // namespace
}  // namespace reverie
