// What is learnt: every net and loss through the very steps of the training loop, and trained nets at work.
#include <algorithm>
#include <memory>

#include "check.h"
#include "reverie/core/device.h"
#include "reverie/core/noise.h"
#include "reverie/metrics/features.h"
#include "reverie/metrics/sample_quality.h"
#include "reverie/nn/projector.h"
#include "reverie/techniques/gan.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/techniques/vae.h"
#include "train/copy_tensors.h"
#include "train/stepper.h"

namespace reverie::test {
namespace {

constexpr std::int64_t kBatch = 3;
constexpr std::int64_t kSteps = 2;

Batch batch_at(std::int64_t step, std::int64_t channels, Size size, std::int64_t classes) {
    return {.images = drawn_pictures(kBatch, channels, size.height, size.width).roll(step, 0),
            .labels = at::arange(kBatch, at::kLong).remainder(std::max<std::int64_t>(classes, 1)),
            .indices = at::arange(kBatch, at::kLong),
            .first = step * kBatch};
}

/// As the loop takes them; then everything the task and the mean of its weights hold.
std::vector<Tensor> trained(TrainTask& task, TrainOptions options, const Place& place, std::int64_t channels, Size size,
                            std::int64_t classes) {
    options.device = place.device;
    options.average_half_life = 100.0;
    options.clip_norm = 1.0;
    Stepper stepper(task, options);
    for (std::int64_t step = 0; step < kSteps; ++step) {
        stepper.step(batch_at(step, channels, size, classes), step, kSteps, 1, 0.1);
    }
    std::vector<Tensor> results = {at::scalar_tensor(stepper.log().healthy() ? 1.0 : 0.0, at::kDouble)};
    stepper.log().fold(Ranks());
    for (const auto& [name, value] : stepper.log().take()) {
        results.push_back(at::scalar_tensor(value, at::kDouble));
    }
    NamedTensors kept;
    keep_values(kept, task.averaged());
    for (const auto& [name, tensor] : kept) {
        results.push_back(tensor);
    }
    results.push_back(task.preview());
    return results;
}

std::vector<Tensor> vae_trained(const Place& place, const VaeOptions& options) {
    std::shared_ptr<FrozenNet> net;
    if (options.likelihood.kind == LikelihoodKind::Perceptual) {
        net = std::make_shared<FrozenNet>(formula_net_at(place, make_graph("efficientnet_lite0", "lite0")));
    }
    VaeTask task(options, 1, place.device, net);
    return trained(task, {}, place, options.net.channels, options.net.size, options.net.classes);
}

std::vector<Tensor> gan_trained(const Place& place, const GanOptions& options) {
    std::shared_ptr<FrozenNet> projector;
    if (!looked_through(options.net).empty()) {
        Graph graph = make_graph("efficientnet_lite0", "lite0");
        add_projections(graph, 1);
        projector = std::make_shared<FrozenNet>(formula_net_at(place, graph));
    }
    GanTask task(options, 1, place.device, {}, {}, projector);
    return trained(task, {}, place, options.net.channels, options.net.size, options.net.classes);
}

VaeOptions small_vae(LikelihoodKind kind) {
    VaeOptions options;
    options.net = {.size = {33, 36}, .channels = 3, .latent = 5, .width = 8, .blocks = 1};
    options.likelihood.kind = kind;
    options.optimizer.epsilon = 1e-3;  // what is nearly nothing shall not make a whole step to either side
    return options;
}

GanOptions small_gan() {
    GanOptions options;
    options.net = {.size = {33, 36}, .channels = 3, .latent = 6, .generator_width = 8, .discriminator_width = 8};
    return options;
}

/// Steps of ill-conditioned optimisers enlarge what rounding leaves: Adam's first ones divide a gradient by its size.
constexpr double kTrained = 3e-2;

Check vae_check(const std::string& name, const VaeOptions& options) {
    return {"vae " + name, kTrained, [=](const Place& place) { return vae_trained(place, options); }};
}

Check gan_check(const std::string& name, const GanOptions& options) {
    return {"gan " + name, kTrained, [=](const Place& place) { return gan_trained(place, options); }};
}

void add_vaes(std::vector<Check>& checks) {
    for (const std::string& name : likelihood_kinds()) {
        checks.push_back(vae_check(name, small_vae(likelihood_kind(name))));
    }
    VaeOptions all = small_vae(LikelihoodKind::Bernoulli);
    all.net.classes = 3;
    all.net.latent_grid = 4;
    all.binarize = true;
    all.free_bits = 0.1;
    all.kl_cycles = 2;
    checks.push_back(vae_check("spatial, labels, binarized", all));
    checks.push_back(vae_check("chollet2e", vae_recipe("chollet2e", {28, 28}, 1).options));
    checks.push_back(vae_check("pytorch", vae_recipe("pytorch", {28, 28}, 1).options));
    checks.push_back(vae_check("antixk", vae_recipe("antixk", {64, 64}, 3).options));
}

void add_gans(std::vector<Check>& checks) {
    for (const std::string& name : gan_recipes()) {
        const bool grey = name == "pytorch-cpp";
        const std::int64_t side = grey ? 28 : name == "chollet1e" || name == "reverie" || name == "projected" ? 32 : 64;
        GanOptions options = gan_recipe(name, {side, side}, grey ? 1 : 3, 100).options;
        if (name == "reverie" || name == "projected" || name == "pytorch" || name == "koba-jon") {
            options.net.generator_width = options.net.discriminator_width = 8;
        }
        checks.push_back(gan_check(name, options));
    }
    GanOptions options = gan_recipe("projected", {70, 66}, 3, 100).options;
    options.net.generator_width = options.net.discriminator_width = 8;
    options.net.classes = 3;
    checks.push_back(gan_check("projected, labels", options));
    options = small_gan();
    options.loss = GanLoss::Hinge;
    options.net.classes = 3;
    options.net.attention = 12;
    options.net.minibatch_deviation = true;
    options.r1 = 1.0;
    options.r1_every = 2;
    checks.push_back(gan_check("hinge, labels, attention", options));
    options = small_gan();
    options.loss = GanLoss::Wasserstein;
    options.gradient_penalty = 10.0;
    options.critic_steps = 2;
    options.net.spectral_norm = false;
    checks.push_back(gan_check("wasserstein, penalty", options));
    options = small_gan();
    options.loss = GanLoss::LeastSquares;
    options.real_labels = {0.8, 1.0};
    options.augment = {.color = true, .translation = true, .cutout = true};
    options.augment_probability = 0.5;
    options.augment_target = 0.5;
    options.augment_images = 100.0;
    checks.push_back(gan_check("least squares, augmented", options));
}

/// To latents and back, along directions and mixtures, and as likely as they are.
std::vector<Tensor> edited(const Place& place) {
    const VaeOptions options = small_vae(LikelihoodKind::Gaussian);
    VaeTask task(options, 1, place.device, nullptr);
    const Vae vae(options, task.state(), place.device);
    const Tensor images = drawn_pictures(6, 3, 33, 36);
    const Tensor means = vae.encode(images).mean;
    const Direction direction =
        learn_direction("one", means.narrow(0, 0, 3), means.narrow(0, 3, 3), DirectionMethod::Mean, 1);
    const Tensor moved = means + direction.vector;
    const Mixture mixture = fit_mixture(means, 2, 1);
    return {means, vae.decode(moved), vae.decode(sample_mixture(mixture, {1, 2})), vae.log_likelihood(means, images),
            latent_path(means.narrow(0, 0, 2), 5, Blend::Spherical, false)};
}

std::vector<Tensor> generated(const Place& place) {
    const GanOptions options = small_gan();
    GanTask task(options, 1, place.device, {});
    const Gan gan(options.net, task.state(), place.device);
    return {gan.generate(seed_latents({1, 2, 3}, options.net.latent))};
}

std::vector<Tensor> measured(const Place& place) {
    FrozenNet net = formula_net_at(place, make_graph("efficientnet_lite0", "lite0"));
    const auto features = [&](const Tensor& images) {
        return image_features(net, feature_protocol("efficientnet_lite0"), images.size(0),
                              [&](std::int64_t first, std::int64_t count) { return images.narrow(0, first, count); },
                              {});
    };
    const Tensor pictures = drawn_pictures(6, 3, 33, 36);
    const Tensor reals = features(pictures);
    const Tensor fakes = features(pictures.flip(3) * 0.7);
    const SampleQuality quality = sample_quality(reals, fakes);
    return {reals, fakes, at::tensor({quality.frechet, quality.diversity}, at::kDouble)};
}

}  // namespace

std::vector<Check> training_checks() {
    std::vector<Check> checks;
    add_vaes(checks);
    add_gans(checks);
    checks.push_back({"latents of a vae", 1e-3, edited});
    checks.push_back({"samples of a gan", 1e-3, generated});
    checks.push_back({"measures of samples", 5e-3, measured});
    return checks;
}

}  // namespace reverie::test
