#include "reverie/techniques/latent_sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <system_error>

#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/option_table.h"
#include "reverie/techniques/vae_latents.h"
#include "reverie/weights/kept_file.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNoiseStream = 0x6d697874;  // its own, so that no other draw is repeated
constexpr const char* kFormat = "reverie mixture 2";

/// A file of a mixture, and what has to be among its notes.
struct MixtureFile {
    fs::path path;
    std::map<std::string, std::string> notes;
};

std::optional<Mixture> read_mixture(const MixtureFile& file) {
    const std::optional<StateDict> kept = read_kept(file.path, file.notes);
    if (!kept) {
        return std::nullopt;
    }
    return Mixture{kept->load("weights", true), kept->load("means", true), kept->load("variances", true),
                   kept->load("center", true), kept->load("basis", true)};
}

void keep_mixture(const MixtureFile& file, const Mixture& mixture, const Hooks& hooks) {
    try {
        write_safetensors(file.path,
                          {{"weights", mixture.weights},
                           {"means", mixture.means},
                           {"variances", mixture.variances},
                           {"center", mixture.center},
                           {"basis", mixture.basis}},
                          file.notes);
    } catch (const Error& error) {  // a run that may only be read gives the same images, only later
        if (error.kind() != ErrorKind::Output) {
            throw;
        }
        hooks.warn(std::string("the fitted Gaussians are used but could not be kept, so the next command fits them "
                               "again: ") +
                   error.sentence());
    }
}

}  // namespace

void validate(const SamplerOptions& options) {
    require_in_range("components", static_cast<double>(options.components),
                     {1.0, std::numeric_limits<double>::max(), "1 or more"});
}

Mixture vae_mixture(const Vae& vae, std::int64_t components, const MixturePlace& place,
                    const std::function<ImageSource()>& images, const Hooks& hooks) {
    validate(SamplerOptions{.components = components});
    std::error_code ignored;
    std::optional<MixtureFile> file;
    if (fs::is_directory(place.folder, ignored)) {
        file = {place.folder / ("mixture-" + std::to_string(components) + ".safetensors"),
                {{"format", kFormat}, {"weights", sha256_of_file(place.weights)}}};
    }
    if (file && place.read) {
        if (const std::optional<Mixture> kept = read_mixture(*file)) {
            return *kept;
        }
    }
    const ImageSource source = images();
    const Posterior posterior = encode_images(vae, source, hooks);
    const Tensor noise = normal_noise(0, kNoiseStream, 0, source.count, {vae.dimensions()});
    Mixture mixture = fit_mixture(posterior.mean + at::exp(0.5 * posterior.log_variance) * noise,
                                  std::min(components, source.count), 0);
    if (file && place.write) {
        keep_mixture(*file, mixture, hooks);
    }
    return mixture;
}

Tensor sample_latents(const Vae& vae, const SamplerOptions& options, const std::vector<std::uint64_t>& seeds,
                      double truncation, const std::function<Mixture()>& mixture, const Hooks& hooks) {
    validate(options);
    if (options.sampler != Sampler::Prior) {
        try {
            return sample_mixture(mixture(), seeds, truncation);
        } catch (const Error& error) {
            if (options.sampler == Sampler::Mixture || error.kind() == ErrorKind::Cancelled) {
                throw;
            }
            hooks.warn(std::string("seeds are drawn from the prior: ") + error.sentence());
        }
    }
    return seed_latents(seeds, vae.dimensions(), truncation);
}

}  // namespace reverie
