#include "reverie/techniques/gan.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <optional>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/option_table.h"
#include "techniques/fixed_batches.h"
#include "techniques/gan/gan_model.h"
#include "techniques/gan/layout_truncation.h"

namespace reverie {
namespace {

constexpr const char* kProgram = "gan";

}  // namespace

struct Gan::State {
    GanNetOptions options;
    std::shared_ptr<GanGenerator> generator;
    c10::Device device;
    std::optional<LayoutTruncation> truncation = {};

    State(const GanNetOptions& net, const NamedTensors& weights, c10::Device on)
        : options(resolved(net)), generator(make_gan_generator(net, 0)), device(on) {
        generator->to(device);
        load_weights(tensors_of(*generator, kGenerator), weights);
        generator->eval();
    }
    Tensor images(const Tensor& latents, const Tensor& labels) const {
        return truncation ? truncation->images(latents, labels) : generator->forward(latents, labels);
    }
};

std::map<std::string, std::string> to_metadata(const GanOptions& options) {
    std::map<std::string, std::string> metadata = to_metadata(options.net);
    metadata["program"] = kProgram;
    return metadata;
}

std::string looked_through(const GanNetOptions& options) {
    return options.discriminator == GanDiscriminatorKind::Projected ? "efficientnet_lite0" : "";
}

Gan::Gan(const GanNetOptions& options, const NamedTensors& weights, c10::Device device)
    : state_(std::make_shared<State>(options, weights, device)) {}

Gan::Gan(std::shared_ptr<State> state) : state_(std::move(state)) {}

const GanNetOptions& Gan::options() const { return state_->options; }

Tensor Gan::generate(const Tensor& latents, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    require_rows(latents, "the latents for a generator", state_->options.latent);
    require_labels(labels, "the labels for a generator", latents.size(0), state_->options.classes);
    const std::int64_t batch = fixed_batch(state_->device);
    const Tensor classes = labels_or_first(labels, latents.size(0));
    return in_fixed_batches(latents.size(0), batch, [&](std::int64_t first) {
        return from_range(state_->images(padded_rows(latents, first, batch, state_->device),
                                         padded_rows(classes, first, batch, state_->device)),
                          value_range(state_->options.kind));
    });
}

bool Gan::has_layouts() const { return std::dynamic_pointer_cast<LayoutGenerator>(state_->generator) != nullptr; }

Gan Gan::with_truncated_layouts(double share, const Hooks& hooks) const {
    if (!has_layouts()) {
        throw Error(ErrorKind::Usage,
                    "this generator has no layouts to truncate; truncate its latents, or take a run with {--generator} "
                    "fastgan");
    }
    require_in_range("truncation", share, {0.0, 100.0});
    // Of its own, because its norms will change.
    auto state = std::make_shared<State>(state_->options, tensors_of(*state_->generator, kGenerator), state_->device);
    state->truncation.emplace(std::dynamic_pointer_cast<LayoutGenerator>(state->generator), state->options,
                              state->device, share, hooks);
    return Gan(std::move(state));
}

Gan load_gan(const std::filesystem::path& run, RunWeights which, c10::Device device) {
    const StateDict weights = read_run_weights(run, which, kProgram);
    const auto& notes = weights.metadata();
    const auto program = notes.find("program");
    if (program != notes.end() && program->second != kProgram) {
        throw Error(ErrorKind::Input, "'" + weights.path().string() + "' was written by `" + program->second +
                                          "`; pass a run folder or weights that `gan train` wrote");
    }
    try {
        return {gan_net_options(notes), all_tensors(weights), device};
    } catch (const Error& error) {
        throw Error(ErrorKind::Input, "'" + weights.path().string() + "' cannot be used: " + error.sentence());
    }
}

}  // namespace reverie
