#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/metrics/sample_quality.h"
#include "reverie/models/parameters.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/output/grid.h"
#include "reverie/techniques/gan.h"
#include "techniques/evaluation_mode.h"
#include "techniques/fixed_batches.h"
#include "techniques/gan/gan_model.h"
#include "techniques/gan/projected_view.h"

namespace reverie {
namespace {

constexpr std::int64_t kSamples = 64;
constexpr std::int64_t kColumns = 8;
constexpr const char* kBestDiversity = "measure.best_diversity";
constexpr double kOverfittingRate = 0.05;  // share of a step in the running mean of the sign of D(reals)

/// Streams of random numbers, one a purpose; rows are global sample numbers.
enum Stream : std::uint64_t {
    kLatents = 0x6c617465,
    kGeneratorLatents = 0x6c617432,
    kRealLabels = 0x7265616c,
    kFakeLabels = 0x66616b65,
    kMix = 0x6d697878,
    kAugmentReals = 0x61756772,
    kAugmentFakes = 0x61756766,
    kAugmentGenerator = 0x61756767,
    kDropReals = 0x64726f72,
    kDropFakes = 0x64726f66,
    kDropGenerator = 0x64726f67,
    kDropPenalty = 0x64726f70,
    kPreview = 0x70726576,
    kMeasure = 0x6d656173,
    kBackgrounds = 0x6261636b,
};

/// [C] of [N,C,H,W]. Channel by channel, because the median along a dimension has no deterministic form on CUDA.
Tensor medians(const Tensor& images) {
    std::vector<Tensor> each;
    for (const Tensor& channel : images.unbind(1)) {
        each.push_back(channel.median());
    }
    return at::stack(each);
}

/// A step's generated images, or what a projected discriminator sees of them, on their way from the discriminator's
/// phase, which makes them, to the generator's, which learns from the same ones: put in by the one and taken out by the
/// other, in the same step.
class StepFakes {
  public:
    void hand_over(std::int64_t step, std::vector<Tensor> fakes) {
        step_ = step;
        fakes_ = std::move(fakes);
    }
    std::vector<Tensor> take(std::int64_t step) {
        if (fakes_.empty() || step_ != step) {
            throw Error(ErrorKind::Internal, "the generator's phase of step " + std::to_string(step) +
                                                 " has no images of the discriminator's; please report this");
        }
        return std::exchange(fakes_, {});
    }

  private:
    std::int64_t step_ = -1;
    std::vector<Tensor> fakes_;
};

std::vector<Tensor> detached(const std::vector<Tensor>& tensors) {
    std::vector<Tensor> all;
    for (const Tensor& tensor : tensors) {
        all.push_back(tensor.detach());
    }
    return all;
}

NamedTensors together(NamedTensors a, const NamedTensors& b) {
    a.insert(b.begin(), b.end());
    return a;
}

}  // namespace

struct GanTask::State {
    GanOptions options;
    GanNets nets;
    ValueRange range;
    c10::Device device;
    GanMeasure measure;
    std::optional<ProjectedView> view;  ///< a projected discriminator's
    Tensor probability;                 ///< of augmentation
    Tensor overfitting;       ///< running mean of E sign(D(reals)), the heuristic r_t of adaptive augmentation
    bool pretrained = false;  ///< the generator has weights of an earlier training
    Tensor reals_features = {};
    Tensor best_diversity = at::zeros({}, at::kDouble);  ///< of all measurements, for telling a collapse

    Tensor noise(std::uint64_t seed, Stream stream, std::int64_t first, std::int64_t count) const {
        return on_device(normal_noise(seed, stream, first, count, {options.net.latent}), device)
            .to(nets.generator->parameters().front().scalar_type());
    }
    Tensor label_values(const LabelRange& labels, const StepInput& input, Stream stream) const;
    bool conditional() const { return options.net.classes > 0; }

    Tensor augmented_input(const Tensor& images, const StepInput& input, Stream stream) const;
    std::vector<Tensor> seen(const Tensor& images, const StepInput& input, Stream augment) const;
    Tensor score(const std::vector<Tensor>& seen, const Tensor& labels, const StepInput& input, Stream dropout) const {
        return nets.discriminator->forward(seen, labels, {input.seed, dropout, input.batch.first});
    }
    std::pair<Tensor, Tensor> scores(const std::vector<Tensor>& reals, const std::vector<Tensor>& generated,
                                     const StepInput& input) const;
    Tensor penalties(const Tensor& reals, const Tensor& generated, const StepInput& input, StepLog& log) const;
    void adapt_augmentation(const Tensor& real_logits, const StepInput& input);

    Tensor generate(const StepInput& input, Stream latents, bool gradients);
    Tensor discriminator_phase(const Tensor& fakes, const StepInput& input, StepLog& log, StepFakes* handed_over);
    Tensor generator_phase(const std::vector<Tensor>& seen, const StepInput& input);
    Tensor samples() const;
};

Tensor GanTask::State::label_values(const LabelRange& labels, const StepInput& input, Stream stream) const {
    const std::int64_t count = input.batch.images.size(0);
    if (labels.low == labels.high) {
        return at::full({count}, labels.low, at::TensorOptions(device).dtype(at::kFloat));
    }
    const Tensor uniform = on_device(uniform_noise(input.seed, stream, input.batch.first, count, {}), device);
    return uniform * (labels.high - labels.low) + labels.low;
}

Tensor GanTask::State::augmented_input(const Tensor& images, const StepInput& input, Stream stream) const {
    if (!options.augment.any() || (device.is_cpu() && probability.item<float>() <= 0.0F)) {
        return images;
    }
    const double middle = 0.5 * (range.low + range.high);
    const double half = 0.5 * (range.high - range.low);
    return augmented((images - middle) / half, options.augment, probability, input.seed, stream, input.batch.first) *
               half +
           middle;
}

/// What the discriminator sees of images, which a projected one may be asked the gradient of before it sees others.
std::vector<Tensor> GanTask::State::seen(const Tensor& images, const StepInput& input, Stream augment) const {
    const Tensor changed = augmented_input(images, input, augment);
    if (!view) {
        return {changed};
    }
    const std::uint64_t stream = kBackgrounds + augment;
    const Tensor backgrounds =
        images.size(1) == 4
            ? on_device(uniform_noise(input.seed, stream, input.batch.first, images.size(0), {3, 1, 1}), device)
            : Tensor();
    std::vector<Tensor> maps = view->of((changed - range.low) / (range.high - range.low), backgrounds);
    if (options.net.pixel_branch) {
        maps.push_back(changed.contiguous(at::MemoryFormat::ChannelsLast));
    }
    return maps;
}

std::pair<Tensor, Tensor> GanTask::State::scores(const std::vector<Tensor>& reals, const std::vector<Tensor>& generated,
                                                 const StepInput& input) const {
    const Tensor& labels = input.batch.labels;
    if (options.separate_batches || options.net.minibatch_deviation) {  // groups of the batch shall not mix them
        return {score(reals, labels, input, kDropReals), score(generated, labels, input, kDropFakes)};
    }
    std::vector<Tensor> together;
    for (std::size_t i = 0; i < reals.size(); ++i) {
        together.push_back(at::cat({reals[i], generated[i]}));
    }
    const std::vector<Tensor> both =
        score(together, at::cat({labels, labels}), input, kDropReals).split(reals.front().size(0));
    return {both[0], both[1]};
}

/// Undefined: none in this step.
Tensor GanTask::State::penalties(const Tensor& reals, const Tensor& generated, const StepInput& input,
                                 StepLog& log) const {
    const Critic critic = [&](const Tensor& images) {
        return score({images}, input.batch.labels, input, kDropPenalty);
    };
    Tensor sum;
    if (options.r1 > 0.0 && input.step % options.r1_every == 0) {
        const Tensor r1 = r1_penalty(critic, reals);
        log.add("r1", r1);
        sum = r1 * (options.r1 * static_cast<double>(options.r1_every));
    }
    if (options.gradient_penalty > 0.0) {
        const Tensor mix = on_device(
            uniform_noise(input.seed, kMix, input.batch.first, reals.size(0), {}).view({-1, 1, 1, 1}), device);
        const Tensor penalty = gradient_penalty(critic, reals, generated, mix);
        log.add("gradient_penalty", penalty);
        sum = sum.defined() ? sum + penalty * options.gradient_penalty : penalty * options.gradient_penalty;
    }
    return sum;
}

/// The probability of augmentation goes where the discriminator overfits the reals as little as it shall.
void GanTask::State::adapt_augmentation(const Tensor& real_logits, const StepInput& input) {
    const c10::NoGradGuard no_grad;
    const Tensor sure = real_logits.detach().to(overfitting.scalar_type()).sign().mean();
    overfitting.lerp_(input.ranks.mean(sure), kOverfittingRate);
    if (options.augment.any() && options.augment_target > 0.0) {
        const double step =
            static_cast<double>(input.batch.images.size(0) * input.ranks.count()) / options.augment_images;
        probability.add_((overfitting - options.augment_target).sign(), step).clamp_(0.0, 1.0);
    }
}

Tensor GanTask::State::generate(const StepInput& input, Stream latents, bool gradients) {
    const c10::AutoGradMode mode(gradients);
    const Batch& batch = input.batch;
    return nets.generator->forward(noise(input.seed, latents, batch.first, batch.images.size(0)), batch.labels);
}

/// `handed_over` gets what the generator's phase goes on from; null: it makes images of its own.
Tensor GanTask::State::discriminator_phase(const Tensor& fakes, const StepInput& input, StepLog& log,
                                           StepFakes* handed_over) {
    const Batch& batch = input.batch;
    const std::vector<Tensor> reals = seen(to_range(batch.images, range), input, kAugmentReals);
    // A look through a frozen net costs as much as the rest: the generator learns from the same one.
    const bool shares_view = view.has_value() && handed_over != nullptr;
    const std::vector<Tensor> looked_at = seen(shares_view ? fakes : fakes.detach(), input, kAugmentFakes);
    if (handed_over != nullptr) {
        handed_over->hand_over(input.step, shares_view ? looked_at : std::vector<Tensor>{fakes});
    }
    const std::vector<Tensor> generated = detached(looked_at);
    const auto [of_reals, of_fakes] = scores(reals, generated, input);
    Tensor loss = real_loss(options.loss, of_reals, label_values(options.real_labels, input, kRealLabels)) +
                  fake_loss(options.loss, of_fakes, label_values(options.fake_labels, input, kFakeLabels));
    const Tensor penalty = penalties(reals.front(), generated.front(), input, log);
    const bool probabilities = options.loss == GanLoss::NonSaturating;
    const auto mean_score = [&](const Tensor& logits) {
        return (probabilities ? at::sigmoid(logits.detach()) : logits.detach()).mean();
    };
    log.add("real_score", mean_score(of_reals));
    log.add("fake_score", mean_score(of_fakes));
    adapt_augmentation(of_reals, input);
    log.add("sure_of_reals", overfitting);
    if (options.augment.any()) {
        log.add("augment_probability", probability);
    }
    loss = loss * options.discriminator_scale;
    return penalty.defined() ? loss + penalty : loss;
}

Tensor GanTask::State::generator_phase(const std::vector<Tensor>& seen, const StepInput& input) {
    return generator_loss(options.loss, score(seen, input.batch.labels, input, kDropGenerator));
}

/// From noise that is the same for ever; a conditional net shows its classes in turn.
Tensor GanTask::State::samples() const {
    const Tensor labels = at::arange(kSamples, at::TensorOptions(device).dtype(at::kLong)) %
                          std::max<std::int64_t>(1, options.net.classes);
    return from_range(nets.generator->forward(noise(0, kPreview, 0, kSamples), labels), range);
}

GanTask::GanTask(const GanOptions& options, std::uint64_t seed, c10::Device device, const GanMeasure& measure,
                 const NamedTensors& start, std::shared_ptr<FrozenNet> projector) {
    reverie::validate(options);
    const bool projected = options.net.discriminator == GanDiscriminatorKind::Projected;
    if (projected != (projector != nullptr)) {
        throw Error(ErrorKind::Usage, std::string("the discriminator is ") + (projected ? "" : "not ") +
                                          "projected, and there is " + (projected ? "no" : "a") +
                                          " frozen net for it to look through; wanted both or none");
    }
    GanOptions all = options;
    all.net = resolved(options.net);
    GanNets nets = make_gan(all.net, seed);
    nets.generator->to(device);
    nets.discriminator->to(device);
    const auto scalar = at::TensorOptions(device).dtype(at::kFloat);
    state_ = std::make_unique<State>(State{.options = all,
                                           .nets = std::move(nets),
                                           .range = value_range(all.net.kind),
                                           .device = device,
                                           .measure = measure,
                                           .view = {},
                                           .probability = at::full({}, all.augment_probability, scalar),
                                           .overfitting = at::zeros({}, scalar)});
    if (projected) {
        state_->view.emplace(std::move(projector), projected_size(all.net));
    }
    if (!start.empty()) {
        load_weights(tensors_of(*state_->nets.generator, kGenerator), start);
        state_->pretrained = true;
        const bool both =
            std::ranges::any_of(start, [](const auto& item) { return item.first.starts_with(kDiscriminator); });
        if (both && !projected) {  // a running mean is the generator's alone; other projections are another view
            load_weights(tensors_of(*state_->nets.discriminator, kDiscriminator), start);
        }
    }
}

GanTask::~GanTask() = default;

std::vector<Phase> GanTask::phases() {
    State* state = state_.get();
    const GanOptions& options = state->options;
    const auto handed_over = std::make_shared<StepFakes>();
    Phase discriminator;
    discriminator.name = kDiscriminator;
    discriminator.parameters = parameters_of(*state->nets.discriminator, kDiscriminator);
    discriminator.optimizer = options.discriminator;
    discriminator.period = options.r1 > 0.0 ? options.r1_every : 1;
    discriminator.rests_at = options.discriminator_rest;
    discriminator.loss = [state, handed_over](const StepInput& input, StepLog& log) {
        if (input.step == 0 && !state->pretrained) {
            const Tensor images = input.ranks.gather(input.batch.images.contiguous());
            state->nets.generator->begin_as(medians(to_range(images, state->range)));
        }
        state->nets.discriminator->advance_norms();
        state->nets.generator->advance_norms();
        const bool generator_follows = input.step % state->options.critic_steps == 0;
        const bool hands_over = generator_follows && !state->options.fresh_latents;
        const Tensor fakes = state->generate(input, kLatents, /*gradients=*/hands_over);
        return state->discriminator_phase(fakes, input, log, hands_over ? handed_over.get() : nullptr);
    };
    Phase generator;
    generator.name = kGenerator;
    generator.parameters = parameters_of(*state->nets.generator, kGenerator);
    generator.optimizer = options.generator;
    generator.every = options.critic_steps;
    generator.rests_at = options.generator_rest;
    generator.loss = [state, handed_over](const StepInput& input, StepLog& /*log*/) {
        const auto seen = [&](const Tensor& fakes) { return state->seen(fakes, input, kAugmentGenerator); };
        if (state->options.fresh_latents) {
            return state->generator_phase(seen(state->generate(input, kGeneratorLatents, /*gradients=*/true)), input);
        }
        const std::vector<Tensor> fakes = handed_over->take(input.step);
        return state->generator_phase(state->view ? fakes : seen(fakes.front()), input);
    };
    return {discriminator, generator};
}

void GanTask::begin_as_later() {
    if (state_->options.augment.any() && state_->options.augment_target > 0.0) {
        state_->probability.fill_(1.0);  // any but 0, with which nothing is computed
    }
}

NamedTensors GanTask::state() {
    NamedTensors tensors = together(tensors_of(*state_->nets.generator, kGenerator),
                                    tensors_of(*state_->nets.discriminator, kDiscriminator));
    tensors["augment.probability"] = state_->probability;
    tensors["augment.sure"] = state_->overfitting;
    tensors[kBestDiversity] = state_->best_diversity;
    return tensors;
}

std::vector<std::string> GanTask::added_later() const { return {kBestDiversity}; }

NamedTensors GanTask::averaged() {
    NamedTensors tensors = tensors_of(*state_->nets.generator, kGenerator);
    std::erase_if(tensors, [](const auto& item) { return !item.second.is_floating_point(); });
    return tensors;
}

std::map<std::string, std::string> GanTask::metadata() const { return to_metadata(state_->options); }

Scalars GanTask::validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) {
    State& state = *state_;
    const GanMeasure& measure = state.measure;
    if (!measure.net) {
        return {};
    }
    const EvaluationMode evaluating(*state.nets.generator);
    if (!state.reals_features.defined()) {
        const auto make = [&] {
            std::vector<Tensor> parts;
            for (std::int64_t number = 0; number < batches.batches(); ++number) {
                const Tensor images = batches.at(number).images;
                parts.push_back(image_features(
                    *measure.net, measure.protocol, images.size(0),
                    [&](std::int64_t first, std::int64_t count) { return images.narrow(0, first, count); }, hooks));
            }
            return at::cat(parts);
        };
        // What lies in the cache of one need not lie in another's.
        state.reals_features =
            ranks.made_by_first([&] { return measure.reals_features ? measure.reals_features(make) : make(); });
    }
    const std::int64_t batch = fixed_batch(state.device);
    const Tensor latents = normal_noise(0, kMeasure, 0, measure.samples, {state.options.net.latent});
    const Tensor labels = at::arange(measure.samples, at::kLong) % std::max<std::int64_t>(1, state.options.net.classes);
    const Tensor fakes = image_features(
        *measure.net, measure.protocol, measure.samples,
        [&](std::int64_t first, std::int64_t count) {
            const Tensor part = latents.narrow(0, first, count);
            const Tensor classes = labels.narrow(0, first, count);
            return in_fixed_batches(count, batch, [&](std::int64_t row) {
                return from_range(state.nets.generator->forward(padded_rows(part, row, batch, state.device),
                                                                padded_rows(classes, row, batch, state.device)),
                                  state.range);
            });
        },
        hooks, ranks);
    const auto best_diversity = state.best_diversity.item<double>();
    const SampleQuality quality = sample_quality(state.reals_features, fakes);
    if (const std::string warning = collapse_warning(quality, best_diversity); !warning.empty()) {
        hooks.warn(warning);
    }
    state.best_diversity.fill_(std::max(best_diversity, quality.diversity));
    return figures_of(quality);
}

Tensor GanTask::preview() {
    const EvaluationMode evaluating(*state_->nets.generator);
    return to_rgb(image_grid(state_->samples(), {.columns = kColumns}));
}

std::vector<ReportPicture> GanTask::pictures(const Tensor& reals) {
    const EvaluationMode evaluating(*state_->nets.generator);
    const Tensor images = reals.narrow(0, 0, std::min<std::int64_t>(reals.size(0), kSamples));
    return {{"Real images", image_grid(images, {.columns = kColumns})},
            {"Samples", image_grid(state_->samples(), {.columns = kColumns})}};
}

std::int64_t GanTask::generator_parameters() const { return parameter_count(*state_->nets.generator); }
std::int64_t GanTask::discriminator_parameters() const { return parameter_count(*state_->nets.discriminator); }

}  // namespace reverie
