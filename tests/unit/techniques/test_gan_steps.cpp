// Three steps of training against tests/parity/make_gan_loss_references.py.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "reverie/techniques/gan.h"
#include "support/gan_reference.h"
#include "support/vae_reference.h"

namespace reverie {
namespace {

using nlohmann::json;

OptimizerOptions adam(const json& settings) {
    return {.learning_rate = settings["learning_rate"],
            .beta1 = settings["beta1"],
            .beta2 = settings["beta2"],
            .epsilon = settings["epsilon"]};
}

GanOptions options_of(const json& setting, const json& settings) {
    const json& net = setting["net"];
    GanOptions options;
    options.net.size = Size{net["height"], net["width"]};
    options.net.channels = net["channels"];
    options.net.latent = net["latent"];
    options.net.generator_width = net["generator_width"];
    options.net.discriminator_width = net["discriminator_width"];
    options.net.spectral_norm = settings["spectral_norm"];
    options.loss = gan_loss(settings["loss"]);
    options.real_labels = {settings["real_labels"][0], settings["real_labels"][1]};
    options.fake_labels = {settings["fake_labels"][0], settings["fake_labels"][1]};
    options.r1 = settings["r1"];
    options.r1_every = settings["r1_every"];
    options.gradient_penalty = settings["gradient_penalty"];
    options.generator = adam(setting["generator"]);
    options.discriminator = adam(setting["discriminator"]);
    return options;
}

/// Those that the references know: not the state of the augmentation, nor a norm's count of batches.
NamedTensors tensors_of_nets(GanTask& task) {
    NamedTensors tensors = task.state();
    std::erase_if(tensors, [](const auto& item) {
        const bool of_nets = item.first.starts_with("generator.") || item.first.starts_with("discriminator.");
        return !of_nets || !item.second.is_floating_point();
    });
    return tensors;
}

void fill_with_formulas(GanTask& task) {
    const c10::NoGradGuard no_grad;
    for (const auto& [name, tensor] : tensors_of_nets(task)) {
        const bool of_norm = name.find("norm.") != std::string::npos;
        tensor.copy_(test::formula_tensor(name, tensor.sizes().vec(), of_norm));
    }
}

/// Where the references round to 12 digits, float32 is what differs: losses are of order 1 to 10, their gradients good
/// to 1e-6, and an epsilon of 1e-3 lets Adam turn that into at most 4e-6 a step.
constexpr double kTolerance = 1e-5;

void expect_close(double found, double wanted, const std::string& what) {
    EXPECT_NEAR(found, wanted, kTolerance * std::max(1.0, std::abs(wanted))) << what;
}

double logged(const StepLog& log, const std::string& name) {
    for (const auto& [key, value] : log.values()) {
        if (key == name) {
            return value.item<double>();
        }
    }
    ADD_FAILURE() << "nothing logged as " << name;
    return 0.0;
}

TEST(GanSteps, AgreeWithTheReferencesForThreeSteps) {
    const json references = test::gan_references("gan_steps");
    const json& setting = references["setting"];
    const std::int64_t count = setting["stream"]["batch"];
    const std::uint64_t seed = setting["stream"]["seed"];
    ASSERT_EQ(references["cases"].size(), 5U);
    for (const auto& [title, reference] : references["cases"].items()) {
        const GanOptions options = options_of(setting, reference["settings"]);
        GanTask formulas(options, /*seed=*/0, c10::kCPU, {});
        fill_with_formulas(formulas);
        GanTask task(options, /*seed=*/0, c10::kCPU, {}, formulas.state());
        std::vector<Phase> phases = task.phases();
        std::vector<Optimizer> optimizers;
        for (const Phase& phase : phases) {
            optimizers.emplace_back(phase.parameters, phase.optimizer);
        }
        const auto steps = static_cast<std::int64_t>(reference["steps"].size());
        const Tensor images = test::reference_images(steps * count, options.net.channels, options.net.size.height,
                                                     options.net.size.width);
        for (std::int64_t step = 0; step < steps; ++step) {
            const json& wanted = reference["steps"][static_cast<std::size_t>(step)];
            const std::string where = title + ", step " + std::to_string(step) + ", ";
            const std::int64_t first = step * count;
            const Batch batch = {images.narrow(0, first, count), at::zeros({count}, at::kLong),
                                 at::arange(first, first + count, at::kLong), first};
            StepLog log;
            for (std::size_t i = 0; i < phases.size(); ++i) {
                const Tensor loss = phases[i].loss({batch, step, steps, seed}, log);
                expect_close(loss.item<double>(), wanted[phases[i].name], where + phases[i].name);
                std::vector<Tensor> parameters;
                for (const auto& item : phases[i].parameters) {
                    parameters.push_back(item.second);
                }
                const std::vector<Tensor> gradients = torch::autograd::grad({loss}, parameters);
                const c10::NoGradGuard no_grad;
                optimizers[i].step(gradients, /*rate=*/1.0);
            }
            expect_close(logged(log, "real_score"), wanted["real_score"], where + "real_score");
            expect_close(logged(log, "fake_score"), wanted["fake_score"], where + "fake_score");
        }
        const NamedTensors tensors = tensors_of_nets(task);
        EXPECT_EQ(tensors.size(), reference["tensors"].size()) << title;
        for (const auto& [name, tensor] : tensors) {
            ASSERT_TRUE(reference["tensors"].contains(name)) << title << ": " << name;
            test::expect_probes(tensor, reference["tensors"][name], kTolerance, title + ": " + name);
        }
    }
}

}  // namespace
}  // namespace reverie
