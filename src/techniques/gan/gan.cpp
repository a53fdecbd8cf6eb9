#include "reverie/techniques/gan.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "techniques/fixed_batches.h"
#include "techniques/gan/gan_model.h"

namespace reverie {
namespace {

constexpr const char* kProgram = "gan";

}  // namespace

struct Gan::State {
    GanNetOptions options;
    std::shared_ptr<GanGenerator> generator;
    c10::Device device;
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
    : state_(std::make_shared<State>(State{resolved(options), make_gan_generator(options, 0), device})) {
    state_->generator->to(device);
    load_weights(tensors_of(*state_->generator, kGenerator), weights);
    state_->generator->eval();
}

const GanNetOptions& Gan::options() const { return state_->options; }

Tensor Gan::generate(const Tensor& latents, const Tensor& labels) const {
    const c10::NoGradGuard no_grad;
    require_rows(latents, "the latents for a generator", state_->options.latent);
    require_labels(labels, "the labels for a generator", latents.size(0), state_->options.classes);
    const std::int64_t batch = fixed_batch(state_->device);
    const Tensor classes = labels_or_first(labels, latents.size(0));
    return in_fixed_batches(latents.size(0), batch, [&](std::int64_t first) {
        return from_range(state_->generator->forward(padded_rows(latents, first, batch, state_->device),
                                                     padded_rows(classes, first, batch, state_->device)),
                          value_range(state_->options.kind));
    });
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
