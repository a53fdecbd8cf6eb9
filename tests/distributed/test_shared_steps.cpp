// Steps of several ranks, each with its part of the images, beside those of one process with all of them.
#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kernels/engine.h"
#include "rank_fixture.h"
#include "reverie/core/noise.h"
#include "reverie/techniques/gan.h"
#include "reverie/techniques/vae.h"
#include "support/relative_error.h"
#include "train/gradients.h"
#include "train/stepper.h"

namespace reverie {
namespace {

using test::RankTest;

const c10::Device kCpu(c10::kCPU);
constexpr std::int64_t kBatch = 16;  // four images a rank at least: as many as --minibatch-std takes together

/// How long, of how large images.
struct Course {
    std::int64_t steps = 20;
    std::int64_t side = 16;
};

Batch part_of(std::int64_t step, std::int64_t side, const Ranks& ranks, at::ScalarType type) {
    const std::int64_t part = kBatch / ranks.count();
    const std::int64_t first = step * kBatch + ranks.rank() * part;
    return {uniform_noise(5, 6, first, part, {1, side, side}).to(type).contiguous(at::MemoryFormat::ChannelsLast),
            at::arange(first, first + part, at::kLong) % 3, at::arange(first, first + part, at::kLong), first};
}

/// The task's weights and all else of floats.
void make_double(TrainTask& task) {
    for (auto& [name, tensor] : task.state()) {
        if (tensor.scalar_type() == at::kFloat) {
            Tensor same = tensor;
            same.set_data(tensor.detach().to(at::kDouble));
        }
    }
}

/// So many steps of a task that `make` makes. Its state, and what Adam keeps, by which the first step's gradients are
/// seen.
template <typename Make>
NamedTensors taught(const Make& make, const Course& course, const Ranks& ranks, at::ScalarType type) {
    const std::unique_ptr<TrainTask> task = make();
    if (type == at::kDouble) {
        make_double(*task);
    }
    TrainOptions options;
    options.steps = course.steps;
    options.batch = kBatch;
    options.average_half_life = 100.0;
    options.clip_norm = 50.0;
    options.ranks = ranks;
    const TrainingEngine engine(true);
    Stepper stepper(*task, options);
    for (std::int64_t step = 0; step < course.steps; ++step) {
        stepper.step(part_of(step, course.side, ranks, type), step, course.steps, /*seed=*/3, /*rate=*/1.0);
    }
    NamedTensors all;
    for (const auto& [name, tensor] : task->state()) {
        all["state/" + name] = tensor.detach().clone();
    }
    for (const auto& [name, tensor] : stepper.average()->mean()) {
        all["mean/" + name] = tensor.detach().clone();
    }
    for (const PhaseRun& run : stepper.phases()) {
        for (const auto& [name, tensor] : run.optimizer.state()) {
            all["optimizer/" + name] = tensor.detach().clone();
        }
    }
    return all;
}

/// By the largest number of each tensor, or by 1e-3 where that is more, as for gradients of what a norm undoes.
void expect_near(const NamedTensors& found, const NamedTensors& right, double most) {
    ASSERT_EQ(found.size(), right.size());
    for (const auto& [name, tensor] : right) {
        if (tensor.is_floating_point()) {
            const double scale = std::max(tensor.abs().max().item<double>(), 1e-3);
            EXPECT_LT((found.at(name) - tensor).abs().max().item<double>() / scale, most) << name;
        }
    }
}

/// All that Adam has kept of gradients, one behind the other.
Tensor gradients(const NamedTensors& taught) {
    std::vector<Tensor> all;
    for (const auto& [name, tensor] : taught) {
        if (name.ends_with(".first")) {
            all.push_back(tensor.flatten());
        }
    }
    return at::cat(all);
}

template <typename Make>
void expect_same_steps(const Ranks& ranks, const Make& make, const Course& course = {}) {
    expect_near(taught(make, course, ranks, at::kDouble), taught(make, course, Ranks(), at::kDouble), 1e-12);
    const Course first{.steps = 1, .side = course.side};
    EXPECT_LT(test::relative_error(gradients(taught(make, first, ranks, at::kFloat)),
                                   gradients(taught(make, first, Ranks(), at::kFloat))),
              1e-5);
}

GanOptions gan_options(GanNetKind kind) {
    GanOptions options;
    options.net = {.kind = kind,
                   .size = kind == GanNetKind::Pytorch ? Size{32, 32} : Size{16, 16},
                   .channels = 1,
                   .latent = 6,
                   .generator_width = 4,
                   .discriminator_width = 4};
    options.generator = {.learning_rate = 1e-3, .beta1 = 0.5};
    options.discriminator = options.generator;
    options.augment = {};
    return options;
}

template <typename Options>
auto gan(const Options& options) {
    return [options] { return std::make_unique<GanTask>(options, 3, kCpu, GanMeasure()); };
}

TEST_F(RankTest, AGanLearnsTheSameInParts) {
    GanOptions options = gan_options(GanNetKind::Reverie);
    options.r1 = 0.1;
    options.r1_every = 4;
    options.generator_rest = 0.1;
    expect_same_steps(ranks_, gan(options));
}

TEST_F(RankTest, AConditionalGanThatComparesImagesLearnsTheSameInParts) {
    GanOptions options = gan_options(GanNetKind::Reverie);
    options.net.classes = 3;
    options.net.minibatch_deviation = true;
    options.fresh_latents = true;
    options.critic_steps = 2;
    expect_same_steps(ranks_, gan(options));
}

TEST_F(RankTest, AGanWithNormsInBothNetsLearnsTheSameInParts) {
    expect_same_steps(ranks_, gan(gan_options(GanNetKind::Pytorch)), {.steps = 4, .side = 32});
}

VaeOptions vae_options() {
    VaeOptions options;
    options.net = {.size = Size{16, 16}, .channels = 1, .latent = 5, .width = 8, .blocks = 1};
    options.optimizer.learning_rate = 2e-3;
    options.free_bits = 0.3;
    return options;
}

TEST_F(RankTest, AVaeLearnsTheSameInParts) {
    expect_same_steps(ranks_,
                      [] { return std::make_unique<VaeTask>(vae_options(), 3, kCpu, nullptr, NamedTensors()); });
}

TEST_F(RankTest, GradientsAndTheirNormAreTheSameInTheFirstStepAndInLaterOnes) {
    VaeTask task(vae_options(), 3, kCpu, nullptr, NamedTensors());
    const Phase phase = task.phases().front();
    std::vector<Tensor> parameters;
    for (const auto& [name, parameter] : phase.parameters) {
        parameters.push_back(parameter);
    }
    PhaseGradients shared(parameters, ranks_);
    const TrainingEngine engine(true);
    const Batch batch = part_of(0, 16, ranks_, at::kFloat);
    const StepInput input{.batch = batch, .total = 1, .seed = 3, .ranks = ranks_};
    std::vector<Tensor> first;
    Tensor first_norm;
    for (int time = 0; time < 3; ++time) {
        StepLog log;
        const Tensor loss = phase.loss(input, log);
        std::vector<Tensor> found = shared.of(loss);
        const Tensor norm = norm_of(found, loss);
        if (time == 0) {
            first_norm = norm;
            for (const Tensor& gradient : found) {
                first.push_back(gradient.defined() ? gradient.clone() : gradient);
            }
            continue;
        }
        EXPECT_TRUE(at::equal(norm, first_norm)) << norm.item<double>() - first_norm.item<double>();
        for (std::size_t i = 0; i < found.size(); ++i) {
            ASSERT_EQ(found[i].defined(), first[i].defined());
            if (found[i].defined()) {
                EXPECT_TRUE(at::equal(found[i], first[i]));
                EXPECT_EQ(found[i].strides(), first[i].strides());
            }
        }
    }
}

}  // namespace
}  // namespace reverie
