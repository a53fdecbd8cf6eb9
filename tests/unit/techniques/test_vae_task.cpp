#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <numbers>

#include "reverie/data/batches.h"
#include "reverie/data/dataset.h"
#include "reverie/techniques/vae.h"
#include "support/expect_error.h"
#include "support/formula_net.h"
#include "support/vae_reference.h"

namespace reverie {
namespace {

const c10::Device kCpu(c10::kCPU);

VaeOptions small(LikelihoodKind kind, Size size, std::int64_t channels) {
    VaeOptions options;
    options.net = {.size = size, .channels = channels, .latent = 5, .width = 8, .blocks = 1};
    options.likelihood.kind = kind;
    options.optimizer.learning_rate = 2e-3;
    return options;
}

Batch batch_of(const Tensor& images, std::int64_t first) {
    const std::int64_t count = images.size(0);
    return {images, at::zeros({count}, at::kLong), at::arange(count, at::kLong), first};
}

/// One step of plain Adam by the task's own loss.
struct Trainer {
    explicit Trainer(VaeTask& task, double rate)
        : phase(task.phases().at(0)), optimizer(parameters(), torch::optim::AdamOptions(rate)) {}
    std::vector<Tensor> parameters() const {
        std::vector<Tensor> all;
        for (const auto& [name, tensor] : phase.parameters) {
            all.push_back(tensor);
        }
        return all;
    }
    double step(const Batch& batch, std::int64_t number, std::int64_t total) {
        StepLog log;
        optimizer.zero_grad();
        const Tensor loss = phase.loss({batch, number, total, 1}, log);
        loss.backward();
        optimizer.step();
        return loss.item<double>();
    }
    Phase phase;
    torch::optim::Adam optimizer;
};

double logged(const StepLog& log, const std::string& name) {
    for (const auto& [key, value] : log.values()) {
        if (key == name) {
            return value.item<double>();
        }
    }
    ADD_FAILURE() << "nothing logged as " << name;
    return 0.0;
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

/// `count` grey pictures of discs of different places and sizes, as an IDX file.
Dataset discs(const test::TemporaryFolder& folder, std::int64_t count, std::int64_t side) {
    std::ofstream file(folder / "discs-idx3-ubyte", std::ios::binary);
    const auto word = [&](std::int64_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            file.put(static_cast<char>((value >> shift) & 0xff));
        }
    };
    word(0x0803);
    word(count);
    word(side);
    word(side);
    const test::FormulaStream uniform("discs");
    for (std::int64_t i = 0; i < count; ++i) {
        const auto at = [&](std::uint64_t k) { return uniform(static_cast<std::uint64_t>(i) * 3 + k); };
        const double x = (0.3 + 0.4 * at(0)) * static_cast<double>(side);
        const double y = (0.3 + 0.4 * at(1)) * static_cast<double>(side);
        const double radius = (0.15 + 0.2 * at(2)) * static_cast<double>(side);
        for (std::int64_t row = 0; row < side; ++row) {
            for (std::int64_t column = 0; column < side; ++column) {
                const double far = std::hypot(static_cast<double>(column) - x, static_cast<double>(row) - y);
                file.put(static_cast<char>(far < radius ? 255 : 20));
            }
        }
    }
    file.close();
    return open_dataset(folder / "discs-idx3-ubyte");
}

void expect_step(const std::string& name, VaeOptions options, double tolerance) {
    const auto wanted = test::vae_references()["steps"][name];
    options.beta = 0.7;
    options.likelihood.perceptual_weight = 0.5;
    std::shared_ptr<FrozenNet> net;
    if (options.likelihood.kind == LikelihoodKind::Perceptual) {
        net = std::make_shared<FrozenNet>(test::formula_lite0());
    }
    VaeTask task(options, 1, kCpu, net);
    const Phase phase = task.phases().at(0);
    {
        const c10::NoGradGuard no_grad;
        for (const auto& [key, tensor] : phase.parameters) {
            if (key == "log_scale") {
                tensor.copy_(at::tensor({-1.0F, -0.75F, -1.25F}));
            } else {
                tensor.copy_(test::formula_tensor(key, tensor.sizes().vec(), false));
                tensor.mul_(tensor.dim() > 1 ? 0.5 : 1.0);
            }
        }
    }
    const Batch batch = batch_of(test::reference_images(3, 3, 17, 20), 15);
    StepLog log;
    const Tensor loss = phase.loss({batch, 5, 10, 7}, log);
    loss.backward();
    const double size = std::abs(wanted["loss"].get<double>());
    EXPECT_NEAR(loss.item<double>(), wanted["loss"].get<double>(), 1e-5 * size) << name;
    EXPECT_NEAR(logged(log, "reconstruction"), wanted["reconstruction"].get<double>(), 1e-5 * size) << name;
    EXPECT_NEAR(logged(log, "kl"), wanted["kl"].get<double>(), 1e-5 * wanted["kl"].get<double>()) << name;
    EXPECT_NEAR(logged(log, "elbo"), -wanted["reconstruction"].get<double>() - wanted["kl"].get<double>(), 1e-5 * size);
    ASSERT_EQ(phase.parameters.size(), wanted["gradients"].size()) << name;
    for (const auto& [key, tensor] : phase.parameters) {
        test::expect_probes(tensor.grad(), wanted["gradients"][key], tolerance, name + " gradient of " + key);
    }
}

// Float32 against float64: rounding through fifteen layers and back.
TEST(VaeTask, OneStepEqualsTheOracleByBernoulli) {
    expect_step("bernoulli", small(LikelihoodKind::Bernoulli, {17, 20}, 3), 1e-5);
}
TEST(VaeTask, OneStepEqualsTheOracleByGaussian) {
    expect_step("gaussian", small(LikelihoodKind::Gaussian, {17, 20}, 3), 1e-5);
}
TEST(VaeTask, OneStepEqualsTheOracleByLogistic) {
    expect_step("logistic", small(LikelihoodKind::Logistic, {17, 20}, 3), 1e-5);
}
TEST(VaeTask, OneStepEqualsTheOracleByMse) { expect_step("mse", small(LikelihoodKind::Mse, {17, 20}, 3), 1e-5); }
TEST(VaeTask, OneStepEqualsTheOracleByPerceptual) {
    expect_step("perceptual", small(LikelihoodKind::Perceptual, {17, 20}, 3), 1e-5);
}
TEST(VaeTask, OneStepEqualsTheOracleWithFreeBits) {
    VaeOptions options = small(LikelihoodKind::Mse, {17, 20}, 3);
    options.free_bits = 0.005;  // above some dimensions' KL, below others'
    expect_step("free bits", options, 1e-5);
}

TEST(VaeTask, KlMayBeAveragedOverDimensions) {
    VaeOptions options;
    options.net = {.kind = VaeNetKind::Chollet, .size = {28, 28}, .channels = 1};
    options.likelihood.kind = LikelihoodKind::Bernoulli;
    const Batch batch = batch_of(test::reference_images(3, 1, 28, 28), 0);
    double losses[2];
    double kl = 0.0;
    for (const bool average : {false, true}) {
        options.beta_average = average;
        VaeTask task(options, 4, kCpu, nullptr);
        StepLog log;
        losses[average] = task.phases().at(0).loss({batch, 0, 10, 1}, log).item<double>();
        kl = logged(log, "kl");
    }
    EXPECT_GT(kl, 1e-3);
    EXPECT_NEAR(losses[0] - losses[1], kl / 2, 1e-4);  // float32 at losses of some hundred
}

TEST(VaeTask, AStepIsAFunctionOfItsInputAlone) {
    VaeTask task(small(LikelihoodKind::Gaussian, {16, 16}, 3), 4, kCpu, nullptr);
    const Phase phase = task.phases().at(0);
    const Tensor images = test::reference_images(4, 3, 16, 16);
    StepLog log;
    const auto one = phase.loss({batch_of(images, 8), 2, 10, 1}, log).item<double>();
    EXPECT_EQ(phase.loss({batch_of(images, 8), 2, 10, 1}, log).item<double>(), one);
    EXPECT_NE(phase.loss({batch_of(images, 12), 2, 10, 1}, log).item<double>(), one);
    EXPECT_NE(phase.loss({batch_of(images, 8), 2, 10, 2}, log).item<double>(), one);
}

TEST(VaeTask, StateHoldsWhatIsTrainedAndWhatFollows) {
    VaeOptions options = small(LikelihoodKind::Gaussian, {16, 16}, 3);
    VaeTask gaussian(options, 4, kCpu, nullptr);
    EXPECT_FALSE(gaussian.phases().at(0).parameters.contains("log_scale"));
    EXPECT_TRUE(gaussian.state().contains("log_scale"));
    EXPECT_EQ(gaussian.state().size(), gaussian.phases().at(0).parameters.size() + 3);
    options.likelihood.kind = LikelihoodKind::Logistic;
    VaeTask logistic(options, 4, kCpu, nullptr);
    EXPECT_TRUE(logistic.phases().at(0).parameters.contains("log_scale"));
    EXPECT_EQ(logistic.parameters(), gaussian.parameters() + 3);

    VaeTask antixk(vae_recipe("antixk", {64, 64}, 3).options, 4, kCpu, nullptr);
    EXPECT_TRUE(antixk.state().contains("encoder.0.1.running_mean"));
    EXPECT_TRUE(antixk.state().contains("encoder.0.1.num_batches_tracked"));
    EXPECT_TRUE(antixk.averaged().contains("encoder.0.1.running_mean"));
    EXPECT_FALSE(antixk.averaged().contains("encoder.0.1.num_batches_tracked"));
    EXPECT_EQ(antixk.parameters(), 3'937'635);
}

TEST(VaeTask, LearnsDiscsAndSaysSo) {
    const test::TemporaryFolder folder;
    const Dataset set = discs(folder, 64, 16);
    VaeOptions options = small(LikelihoodKind::Bernoulli, {16, 16}, 1);
    options.binarize = true;
    VaeTask task(options, 4, kCpu, nullptr);
    const OrderedBatches ordered(set, all_indices(set), 24);
    const auto measure = [&] {
        const c10::NoGradGuard no_grad;
        return task.validate(ordered, Ranks(), {});
    };
    const Scalars before = measure();
    Batches batches(set, all_indices(set), {.batch = 32, .seed = 1, .ahead = 0});
    Trainer trainer(task, 5e-3);
    for (std::int64_t step = 0; step < 80; ++step) {
        trainer.step(batches.at(step), step, 80);
    }
    const Scalars after = measure();
    EXPECT_LT(among(after, "loss"), 0.6 * among(before, "loss"));
    EXPECT_NEAR(among(before, "loss"), 256 * std::numbers::ln2, 10.0);  // coins without bias
    EXPECT_EQ(among(after, "elbo"), -among(after, "loss"));
    EXPECT_NEAR(among(after, "reconstruction") + among(after, "kl"), among(after, "loss"), 1e-9 * 256);
    EXPECT_NEAR(among(after, "bits_per_dim"), among(after, "loss") / (256 * std::numbers::ln2), 1e-9);
    EXPECT_GT(among(after, "active_units"), 1.0);  // places and sizes differ
    EXPECT_LE(among(after, "active_units"), 5.0);
    EXPECT_EQ(among(before, "active_units"), 0.0);
    EXPECT_EQ(measure(), after);
}

TEST(VaeTask, BitsAreThoseOf256LevelsOrNone) {
    VaeTask task(small(LikelihoodKind::Gaussian, {16, 16}, 3), 4, kCpu, nullptr);
    const Phase phase = task.phases().at(0);
    StepLog log;
    phase.loss({batch_of(test::reference_images(4, 3, 16, 16), 0), 0, 10, 1}, log);
    const double bits = logged(log, "bits_per_dim");
    EXPECT_NEAR(bits, 8.0 - logged(log, "elbo") / (16 * 16 * 3 * std::numbers::ln2), 1e-4);
    VaeTask mse(small(LikelihoodKind::Mse, {16, 16}, 3), 4, kCpu, nullptr);
    StepLog plain;
    mse.phases().at(0).loss({batch_of(test::reference_images(4, 3, 16, 16), 0), 0, 10, 1}, plain);
    for (const auto& [name, value] : plain.values()) {
        EXPECT_NE(name, "bits_per_dim");
        EXPECT_NE(name, "scale");
    }
}

TEST(VaeTask, PicturesShowWhatTheySay) {
    const c10::NoGradGuard no_grad;
    VaeOptions options = small(LikelihoodKind::Bernoulli, {20, 17}, 1);
    options.net.classes = 3;
    VaeTask task(options, 4, kCpu, nullptr);
    const Tensor preview = task.preview();
    EXPECT_EQ(preview.size(0), 3);
    EXPECT_GE(preview.size(1), 8 * 20);
    EXPECT_GE(preview.size(2), 8 * 17);
    EXPECT_TRUE(at::equal(task.preview(), preview));
    const std::vector<ReportPicture> pictures = task.pictures(test::reference_images(10, 1, 20, 17));
    ASSERT_EQ(pictures.size(), 2U);
    EXPECT_NE(pictures[0].caption.find("Originals"), std::string::npos);
    EXPECT_GE(pictures[0].image.size(1), 4 * 20);  // ten images in rows of eight, each with its own
}

TEST(VaeTask, BeginsFromOtherWeightsThatFit) {
    const VaeOptions options = small(LikelihoodKind::Gaussian, {16, 16}, 3);
    VaeTask first(options, 4, kCpu, nullptr);
    VaeTask second(options, 9, kCpu, nullptr, first.state());
    for (const auto& [name, tensor] : first.state()) {
        EXPECT_TRUE(at::equal(tensor, second.state().at(name))) << name;
    }
    VaeOptions wider = options;
    wider.net.latent = 6;
    const std::string shape =
        test::expect_error(ErrorKind::Input, [&] { VaeTask(wider, 9, kCpu, nullptr, first.state()); });
    EXPECT_NE(shape.find("'decoder.stem.weight' is "), std::string::npos) << shape;
    NamedTensors lacking = first.state();
    lacking.erase("encoder.head.bias");
    const std::string missing =
        test::expect_error(ErrorKind::Input, [&] { VaeTask(options, 9, kCpu, nullptr, lacking); });
    EXPECT_NE(missing.find("'encoder.head.bias'"), std::string::npos) << missing;
}

TEST(VaeTask, SurvivesAnAdversarialBeginning) {
    // Heads thrown to +-200 and a learning rate far too high: nothing may overflow on the way back.
    for (const LikelihoodKind kind : {LikelihoodKind::Bernoulli, LikelihoodKind::Gaussian, LikelihoodKind::Logistic}) {
        VaeOptions options = small(kind, {16, 16}, 1);
        options.net.width = 4;
        VaeTask task(options, 4, kCpu, nullptr);
        {
            const c10::NoGradGuard no_grad;
            const NamedTensors state = task.state();
            const Tensor heads = state.at("encoder.head.bias");
            heads.copy_((at::arange(heads.numel()) % 2).to(at::kFloat) * 400.0 - 200.0);
            const Tensor pixels = state.at("decoder.head.bias");
            pixels.copy_((at::arange(pixels.numel()) % 2).to(at::kFloat) * 400.0 - 200.0);
        }
        Trainer trainer(task, 0.03);
        const Batch batch = batch_of(test::reference_images(2, 1, 16, 16), 0);
        double last = 0.0;
        for (std::int64_t step = 0; step < 100; ++step) {
            last = trainer.step(batch, step, 100);
            ASSERT_TRUE(std::isfinite(last)) << text_of(kind) << " step " << step;
        }
        for (const auto& [name, tensor] : task.state()) {
            EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
        }
    }
}

TEST(VaeTask, FollowsWhereLatentsLieForItsPreviews) {
    VaeTask task(small(LikelihoodKind::Gaussian, {16, 16}, 1), 3, kCpu, nullptr);
    const Tensor images = at::linspace(0.0, 1.0, 4 * 256).view({4, 1, 16, 16});
    Phase phase = task.phases().at(0);
    const Tensor before = task.preview();
    // Without any optimiser step posteriors stay where they are.
    for (std::int64_t step = 0; step < 300; ++step) {
        StepLog log;
        phase.loss({batch_of(images, 4 * step), step, 300, 1}, log);
    }
    const NamedTensors state = task.state();
    NamedTensors weights = task.averaged();
    VaeOptions options = small(LikelihoodKind::Gaussian, {16, 16}, 1);
    const Posterior posterior = Vae(options, weights, kCpu).encode(images);
    const Tensor variance = posterior.log_variance.exp().to(at::kDouble);
    // A running mean over some fifty batches of four: a twentieth of a deviation, five times over.
    const Tensor error = (state.at("latents.mean") - posterior.mean.mean(0)).abs() / variance.mean(0).sqrt();
    EXPECT_LT(error.max().item<double>(), 0.35);
    const Tensor second = (posterior.mean.to(at::kDouble).square() + variance).mean(0);
    EXPECT_LT((state.at("latents.square").diagonal() / second - 1.0).abs().max().item<double>(), 0.5);
    EXPECT_FALSE(at::equal(task.preview(), before));
    EXPECT_FALSE(weights.contains("latents.mean")) << "a mean of running means";
}

}  // namespace
}  // namespace reverie
