#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <map>
#include <utility>

#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/models/parameters.h"
#include "reverie/output/grid.h"
#include "reverie/techniques/vae.h"
#include "techniques/evaluation_mode.h"
#include "techniques/vae/vae_model.h"

namespace reverie {
namespace {

constexpr std::int64_t kSamples = 64;
constexpr std::int64_t kColumns = 8;

/// Streams of random numbers, one a purpose.
enum Stream : std::uint64_t { kPosterior = 0x706f7374, kValidation = 0x76616c69, kPreview = 0x70726576 };

/// One pass through the model, in nats an image.
struct Pass {
    Posterior posterior;
    Tensor latents;
    Tensor reconstruction;  // [N]: -log p(x|z)
    Tensor kl;              // [N,D]
};

Pass run(const VaeModel& model, const Tensor& images, const Tensor& labels, std::uint64_t seed, Stream stream,
         std::int64_t first, const Ranks& ranks = {}) {
    Pass pass;
    pass.posterior = model.net().encode(images, labels);
    const Tensor noise =
        on_device(normal_noise(seed, stream, first, images.size(0), model.net().latent_shape()), model.device());
    pass.latents = pass.posterior.mean + at::exp(0.5 * pass.posterior.log_variance) * noise;
    pass.reconstruction = -model.likelihood().log_probability(model.net().decode(pass.latents, labels), images, ranks);
    pass.kl = kl_per_dimension(pass.posterior);
    return pass;
}

/// Where latents lie, followed over the last hundreds of steps: what is shown is drawn from there, because latents
/// never quite lie as the prior says, least of all in the beginning.
struct LatentMoments {
    static constexpr std::int64_t kMostDimensions = 1024;  // a covariance has their square
    static constexpr double kFollowing = 0.02;             // share of a batch in the running means

    Tensor mean;    // [D], float64; undefined for more dimensions
    Tensor square;  // [D,D]: of products

    LatentMoments(std::int64_t dimensions, c10::Device device) {
        if (dimensions <= kMostDimensions) {
            const auto options = at::TensorOptions(at::kDouble).device(device);
            mean = at::zeros({dimensions}, options);
            square = at::eye(dimensions, options);
        }
    }

    void follow(const Tensor& latents, const Ranks& ranks) {
        if (mean.defined()) {
            const c10::NoGradGuard no_grad;
            const Tensor rows = latents.detach().flatten(1).to(at::kDouble);
            const Tensor moments =
                ranks.mean(at::cat({rows.mean(0).unsqueeze(0), rows.t().matmul(rows) / rows.size(0)}));
            mean.lerp_(moments[0], kFollowing);
            square.lerp_(moments.narrow(0, 1, rows.size(1)), kFollowing);
        }
    }

    /// Standard normal noise [N,...] given the mean and covariance of latents.
    Tensor to_latents(const Tensor& noise) const {
        if (!mean.defined()) {
            return noise;
        }
        const Tensor covariance = square - at::outer(mean, mean) + 1e-6 * at::eye(mean.size(0), mean.options());
        const Tensor root = std::get<0>(at::linalg_cholesky_ex(covariance));
        return (mean + noise.flatten(1).to(at::kDouble).matmul(root.t())).to(at::kFloat).view(noise.sizes());
    }
};

}  // namespace

struct VaeTask::State {
    VaeOptions options;
    VaeModel model;
    LatentMoments moments;

    Tensor prepared(const Batch& batch) const {
        return options.binarize ? binarized(batch.images, batch.indices) : batch.images;
    }
    Tensor loss(const StepInput& input, StepLog& log);
    void record(const Pass& pass, const Tensor& reconstruction, const Tensor& kl, double beta, StepLog& log) const;
    Tensor samples() const;
    Tensor likeliest_labels(const Tensor& images) const;
    double values() const {
        return static_cast<double>(options.net.channels * options.net.size.height * options.net.size.width);
    }
};

/// What a step says of itself; nothing here has a gradient.
void VaeTask::State::record(const Pass& pass, const Tensor& reconstruction, const Tensor& kl, double beta,
                            StepLog& log) const {
    const c10::NoGradGuard no_grad;
    const Tensor elbo = -(reconstruction + kl);
    log.add("elbo", elbo);
    const LikelihoodKind kind = options.likelihood.kind;
    if (has_bits(kind)) {
        log.add("bits_per_dim", bits_per_dimension(kind, reconstruction + kl, values()));
    }
    log.add("reconstruction", reconstruction);
    log.add("kl", kl);
    log.add("active_units",
            (pass.posterior.mean.flatten(1).var(0, /*unbiased=*/false) > kActiveVariance).sum().to(at::kFloat));
    log.add("beta", at::scalar_tensor(beta, reconstruction.options()));
    if (const Tensor scales = model.likelihood().scales(); scales.defined()) {
        log.add("scale", scales.mean());
    }
}

Tensor VaeTask::State::loss(const StepInput& input, StepLog& log) {
    const Batch& batch = input.batch;
    const Pass pass = run(model, prepared(batch), batch.labels, input.seed, kPosterior, batch.first, input.ranks);
    moments.follow(pass.latents, input.ranks);
    const Tensor reconstruction = pass.reconstruction.mean();
    const Tensor per_dimension = pass.kl.mean(0);
    const Tensor kl = per_dimension.sum();
    Tensor cost = options.free_bits > 0.0 ? input.ranks.mean(per_dimension).clamp_min(options.free_bits).sum() : kl;
    if (options.beta_average) {
        cost = cost / static_cast<double>(model.dimensions());
    }
    const double beta = beta_at(options, input.step, input.total);
    record(pass, reconstruction, kl, beta, log);
    return reconstruction + beta * cost;
}

/// From noise that is the same for ever; a conditional net shows its classes in turn.
Tensor VaeTask::State::samples() const {
    const Tensor latents =
        moments.to_latents(normal_noise(0, kPreview, 0, kSamples, model.net().latent_shape()).to(model.device()));
    const Tensor labels =
        at::arange(kSamples, latents.options().dtype(at::kLong)) % std::max<std::int64_t>(1, options.net.classes);
    return images_of(model.net(), model.net().decode(latents, labels));
}

/// For images whose labels nobody says: for each the class under which it is best explained.
Tensor VaeTask::State::likeliest_labels(const Tensor& images) const {
    Tensor labels = at::zeros({images.size(0)}, images.options().dtype(at::kLong));
    Tensor best;
    for (std::int64_t c = 0; c < options.net.classes; ++c) {
        const Tensor candidate = at::full_like(labels, c);
        const Posterior posterior = model.net().encode(images, candidate);
        const Tensor elbo = model.likelihood().log_probability(model.net().decode(posterior.mean, candidate), images) -
                            kl_per_dimension(posterior).sum(1);
        labels = best.defined() ? at::where(elbo > best, candidate, labels) : candidate;
        best = best.defined() ? at::maximum(elbo, best) : elbo;
    }
    return labels;
}

VaeTask::VaeTask(const VaeOptions& options, std::uint64_t seed, c10::Device device,
                 std::shared_ptr<FrozenNet> perceptual, const NamedTensors& start) {
    reverie::validate(options);
    const VaeOptions all = resolved(options);
    VaeModel model(all, seed, device, std::move(perceptual));
    const LatentMoments moments(model.dimensions(), device);
    state_ = std::make_unique<State>(State{all, std::move(model), moments});
    if (!start.empty()) {
        state_->model.load(start);
    }
}

VaeTask::~VaeTask() = default;

std::vector<Phase> VaeTask::phases() {
    Phase phase;
    phase.name = "vae";
    phase.parameters = state_->model.parameters();
    phase.optimizer = state_->options.optimizer;
    phase.loss = [state = state_.get()](const StepInput& input, StepLog& log) { return state->loss(input, log); };
    return {phase};
}

NamedTensors VaeTask::state() {
    NamedTensors tensors = state_->model.state();
    if (state_->moments.mean.defined()) {
        tensors["latents.mean"] = state_->moments.mean;
        tensors["latents.square"] = state_->moments.square;
    }
    return tensors;
}

NamedTensors VaeTask::averaged() {
    NamedTensors tensors = state_->model.state();
    std::erase_if(tensors, [](const auto& item) { return !item.second.is_floating_point(); });
    return tensors;
}

std::map<std::string, std::string> VaeTask::metadata() const { return to_metadata(state_->options); }

Scalars VaeTask::validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) {
    const EvaluationMode evaluating(state_->model);
    const c10::Device device = state_->model.device();
    const std::int64_t dimensions = state_->model.dimensions();
    Tensor sums = at::zeros({3 + 2 * dimensions}, at::kDouble);  // reconstruction, KL, images, means and their squares
    for (std::int64_t number = ranks.rank(); number < batches.batches(); number += ranks.count()) {
        if (hooks.cancelled()) {
            throw Error(ErrorKind::Cancelled, "stopped while the VAE was being validated");
        }
        Batch batch = batches.at(number);
        batch.images = batch.images.to(device);
        batch.labels = batch.labels.to(device);
        const Pass pass = run(state_->model, state_->prepared(batch), batch.labels, 0, kValidation, batch.first);
        sums[0] += pass.reconstruction.sum().item<double>();
        sums[1] += pass.kl.sum().item<double>();
        sums[2] += static_cast<double>(batch.images.size(0));
        const Tensor means = pass.posterior.mean.flatten(1).to(at::kCPU, at::kDouble);
        sums.narrow(0, 3, dimensions) += means.sum(0);
        sums.narrow(0, 3 + dimensions, dimensions) += means.square().sum(0);
    }
    const Tensor all = ranks.sum(sums);
    const auto count = all[2].item<double>();
    const double reconstruction = all[0].item<double>();
    const double kl = all[1].item<double>();
    const double loss = (reconstruction + kl) / count;
    const Tensor mean = all.narrow(0, 3, dimensions) / count;
    const Tensor variance = all.narrow(0, 3 + dimensions, dimensions) / count - mean.square();
    const LikelihoodKind kind = state_->options.likelihood.kind;
    Scalars scalars = {{"elbo", -loss}};
    if (has_bits(kind)) {
        scalars.emplace_back("bits_per_dim", bits_per_dimension(kind, loss, state_->values()));
    }
    scalars.insert(scalars.end(), {{"reconstruction", reconstruction / count},
                                   {"kl", kl / count},
                                   {"active_units", (variance > kActiveVariance).sum().item<double>()},
                                   {"loss", loss}});
    return scalars;
}

Tensor VaeTask::preview() {
    const EvaluationMode evaluating(state_->model);
    return to_rgb(image_grid(state_->samples(), {.columns = kColumns}));
}

std::vector<ReportPicture> VaeTask::pictures(const Tensor& reals) {
    const EvaluationMode evaluating(state_->model);
    const VaeNet& net = state_->model.net();
    Tensor images = reals.narrow(0, 0, std::min<std::int64_t>(reals.size(0), kSamples / 2));
    if (state_->options.binarize) {
        images = binarized(images, at::arange(images.size(0)));
    }
    const Tensor labels = state_->likeliest_labels(images);
    const Tensor means = state_->model.net().encode(images, labels).mean;
    const Tensor reconstructions = images_of(net, state_->model.net().decode(means, labels));
    return {{"Originals, each above its reconstruction",
             image_grid(interleave_rows({images, reconstructions}, kColumns), {.columns = kColumns})},
            {"Samples", image_grid(state_->samples(), {.columns = kColumns})}};
}

std::int64_t VaeTask::parameters() const {
    return parameter_count(state_->model.net()) + parameter_count(state_->model.likelihood());
}

}  // namespace reverie
