#include "cli/vae/vae_sampler.h"

#include <algorithm>

namespace reverie {
namespace {

const Choices<Sampler>& samplers() {
    static const Choices<Sampler> choices = {
        {"auto", Sampler::Auto}, {"mixture", Sampler::Mixture}, {"prior", Sampler::Prior}};
    return choices;
}

/// What a mixture is fitted to when none is kept: a sample of the images that the flags mean.
ImageList images_to_fit(Session& session, const VaeRun& run, const SamplerFlags& flags) {
    ImageList images = run.training_images(flags.data).sample(kMostFittedImages, 0);
    session.console().info("fits " + std::to_string(std::min(flags.components, images.count())) +
                           " Gaussians to the latents of " + std::to_string(images.count()) + " images");
    return images;
}

Mixture mixture_of(Session& session, const VaeRun& run, const SamplerFlags& flags) {
    ImageList images;
    const auto source = [&] {
        images = images_to_fit(session, run, flags);
        session.console().begin("");
        return run.source(images);
    };
    Mixture mixture = vae_mixture(run.vae(), flags.components,
                                  {.folder = run.path(),
                                   .weights = run.weights_file(),
                                   .read = flags.data.empty(),
                                   .write = !session.common().dry_run},
                                  source, session.hooks());
    session.console().end();
    return mixture;
}

}  // namespace

void add_flags(FlagGroup& group, SamplerFlags& flags) {
    group.add_choice("--sampler", flags.sampler, samplers(),
                     "mixture: seeds are drawn where latents of the images lie, by Gaussians fitted to them; prior: as "
                     "the model assumes; auto: mixture, but prior where nothing can be fitted to");
    group.add("--components", flags.components, "K", "Gaussians of the mixture");
}

void fit_sampler(Session& session, const VaeRun& run) { mixture_of(session, run, {}); }

Latents drawn_latents(Session& session, const VaeRun& run, const SamplerFlags& flags,
                      const std::vector<std::uint64_t>& seeds, double truncation) {
    const auto mixture = [&] { return mixture_of(session, run, flags); };
    return run.labelled(sample_latents(run.vae(), flags, seeds, truncation, mixture, session.hooks()), seeds);
}

void add_settings(Settings& settings, const SamplerFlags& flags) {
    settings.set("sampler", choice_text(samplers(), flags.sampler));
    settings.set("components", flags.components);
}

}  // namespace reverie
