#include "cli/vae/vae_sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

#include "reverie/core/noise.h"
#include "reverie/techniques/latent_space.h"
#include "reverie/weights/kept_file.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostImages = 10'000;
constexpr std::uint64_t kNoiseStream = 0x6d697874;  // its own, so that no other draw is repeated
constexpr const char* kFormat = "reverie mixture 2";

const Choices<Sampler>& samplers() {
    static const Choices<Sampler> choices = {
        {"auto", Sampler::Auto}, {"mixture", Sampler::Mixture}, {"prior", Sampler::Prior}};
    return choices;
}

std::map<std::string, std::string> notes_for(const std::string& weights) {
    return {{"format", kFormat}, {"weights", weights}};
}

fs::path mixture_file(const VaeRun& run, std::int64_t components) {
    return run.path() / ("mixture-" + std::to_string(components) + ".safetensors");
}

Mixture mixture_of(Session& session, const VaeRun& run, const SamplerFlags& flags) {
    const std::string weights = sha256_of_file(run.weights_file());
    std::error_code ignored;
    const bool keep = fs::is_directory(run.path(), ignored);
    const fs::path file = mixture_file(run, flags.components);
    if (keep && flags.data.empty()) {
        if (const std::optional<StateDict> kept = read_kept(file, notes_for(weights))) {
            return {kept->load("weights", true), kept->load("means", true), kept->load("variances", true),
                    kept->load("center", true), kept->load("basis", true)};
        }
    }
    const ImageList images = run.training_images(flags.data).sample(kMostImages, 0);
    const std::int64_t components = std::min(flags.components, images.count());
    session.console().info("fits " + std::to_string(components) + " Gaussians to the latents of " +
                           std::to_string(images.count()) + " images");
    const Posterior posterior = run.encode(images);
    const Tensor noise = normal_noise(0, kNoiseStream, 0, images.count(), {run.dimensions()});
    Mixture mixture = fit_mixture(posterior.mean + at::exp(0.5 * posterior.log_variance) * noise, components, 0);
    if (keep && !session.common().dry_run) {
        try {
            write_safetensors(file,
                              {{"weights", mixture.weights},
                               {"means", mixture.means},
                               {"variances", mixture.variances},
                               {"center", mixture.center},
                               {"basis", mixture.basis}},
                              notes_for(weights));
        } catch (const Error& error) {  // a run that may only be read gives the same images, only later
            if (error.kind() != ErrorKind::Output) {
                throw;
            }
            session.console().warning(std::string("the fitted Gaussians are used but could not be kept, so the next "
                                                  "command fits them again: ") +
                                      error.sentence());
        }
    }
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
    if (flags.components < 1) {
        throw Error(ErrorKind::Usage,
                    "--components " + std::to_string(flags.components) + " is out of range; wanted 1 or more");
    }
    if (flags.sampler != Sampler::Prior) {
        try {
            return run.labelled(sample_mixture(mixture_of(session, run, flags), seeds, truncation), seeds);
        } catch (const Error& error) {
            if (flags.sampler == Sampler::Mixture || error.kind() == ErrorKind::Cancelled) {
                throw;
            }
            session.console().warning(std::string("seeds are drawn from the prior: ") + error.sentence());
        }
    }
    return run.labelled(seed_latents(seeds, run.dimensions(), truncation), seeds);
}

void add_settings(Settings& settings, const SamplerFlags& flags) {
    settings.set("sampler", choice_text(samplers(), flags.sampler));
    settings.set("components", flags.components);
}

}  // namespace reverie
