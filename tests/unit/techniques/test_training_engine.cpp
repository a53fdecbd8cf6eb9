// What training gives does not depend on the number of threads: whole steps of the default and of published nets, at
// sizes at which LibTorch's sums would be cut up by it.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "kernels/engine.h"
#include "reverie/core/noise.h"
#include "reverie/core/parallel.h"
#include "reverie/techniques/gan.h"
#include "reverie/techniques/vae.h"
#include "support/projector_net.h"
#include "train/stepper.h"

namespace reverie {
namespace {

struct Subject {
    std::function<std::unique_ptr<TrainTask>()> make;
    TrainOptions training;
    Size size;
    std::int64_t channels;
};

Subject gan(const std::string& preset, Size size, std::int64_t channels, std::int64_t images) {
    GanRecipe recipe = gan_recipe(preset, size, channels, images);
    if (recipe.options.r1 > 0.0) {
        recipe.options.r1_every = 2;
    }
    return {[options = recipe.options] {
                auto task = std::make_unique<GanTask>(
                    options, 1, c10::Device(c10::kCPU), GanMeasure{}, NamedTensors{},
                    looked_through(options.net).empty() ? nullptr : test::formula_projector(1));
                task->begin_as_later();
                return task;
            },
            recipe.training, size, channels};
}

Subject vae(const std::string& preset, Size size, std::int64_t channels) {
    VaeRecipe recipe = vae_recipe(preset, size, channels);
    recipe.options.net.size = size;
    recipe.options.net.channels = channels;
    return {
        [options = recipe.options] { return std::make_unique<VaeTask>(options, 1, c10::Device(c10::kCPU), nullptr); },
        recipe.training, size, channels};
}

/// Weights, moments and logs after some steps.
NamedTensors after_steps(const Subject& subject, int threads, bool ours, std::int64_t steps) {
    constexpr std::int64_t kImages = 4;
    const ThreadShare share(threads);
    const TrainingEngine engine(ours);
    const std::unique_ptr<TrainTask> task = subject.make();
    TrainOptions training = subject.training;
    training.steps = 100;
    Stepper stepper(*task, training);
    for (std::int64_t step = 0; step < steps; ++step) {
        const Batch batch{.images = uniform_noise(1, 2, step * kImages, kImages,
                                                  {subject.channels, subject.size.height, subject.size.width})
                                        .contiguous(at::MemoryFormat::ChannelsLast),
                          .labels = at::zeros({kImages}, at::kLong),
                          .indices = at::arange(kImages, at::kLong),
                          .first = step * kImages};
        stepper.step(batch, step, 100, 1, 1.0);
    }
    NamedTensors found = task->state();
    for (const PhaseRun& run : stepper.phases()) {
        for (const auto& [name, tensor] : run.optimizer.state()) {
            found[run.phase.name + "/" + name] = tensor;
        }
    }
    for (const auto& [name, tensor] : stepper.log().state()) {
        found["log/" + name] = tensor;
    }
    return found;
}

const std::map<std::string, Subject>& subjects() {
    static const std::map<std::string, Subject> all = {{"default GAN, augmented", gan("reverie", {64, 64}, 3, 500)},
                                                       {"default GAN, odd sizes", gan("reverie", {67, 90}, 1, 10'000)},
                                                       {"projected GAN", gan("projected", {67, 90}, 4, 500)},
                                                       {"DCGAN", gan("pytorch", {64, 64}, 3, 10'000)},
                                                       {"Chollet's GAN", gan("chollet1e", {32, 32}, 3, 10'000)},
                                                       {"default VAE", vae("reverie", {64, 64}, 3)},
                                                       {"default VAE, grey and odd", vae("reverie", {75, 66}, 1)},
                                                       {"AntixK's VAE", vae("antixk", {64, 64}, 3)}};
    return all;
}

TEST(TrainingEngine, GivesTheSameBitsWithOneTwoAndSixteenThreads) {
    for (const auto& [name, subject] : subjects()) {
        const NamedTensors one = after_steps(subject, 1, /*ours=*/true, 2);
        for (const int threads : {2, 16}) {
            for (const auto& [tensor, value] : after_steps(subject, threads, /*ours=*/true, 2)) {
                EXPECT_TRUE(at::equal(value, one.at(tensor))) << name << ", " << threads << " threads, " << tensor;
            }
        }
    }
}

/// One: Adam makes whole steps of the last digits of gradients that are nearly nothing, and later ones begin elsewhere.
TEST(TrainingEngine, TakesTheStepThatLibTorchTakes) {
    for (const std::string name : {"default GAN, odd sizes", "projected GAN", "default VAE"}) {
        const Subject& subject = subjects().at(name);
        const NamedTensors theirs = after_steps(subject, 2, /*ours=*/false, 1);
        for (const auto& [tensor, value] : after_steps(subject, 2, /*ours=*/true, 1)) {
            if (tensor.starts_with("log/") && tensor.ends_with("loss")) {
                EXPECT_TRUE(at::allclose(value, theirs.at(tensor), 1e-3, 1e-4)) << name << ", " << tensor;
            }
        }
    }
}

TEST(TrainingEngine, LeavesThreadsAsTheyWere) {
    const ThreadShare share(3);
    {
        const TrainingEngine engine(true);
        EXPECT_EQ(kernel_threads(), 3);
        EXPECT_EQ(at::get_num_threads(), 1);
        const ThreadShare alone(2);
        EXPECT_EQ(kernel_threads(), 2);
    }
    EXPECT_EQ(kernel_threads(), 3);
    EXPECT_EQ(at::get_num_threads(), 3);
    EXPECT_TRUE(convolutions_are_ours());
}

}  // namespace
}  // namespace reverie
