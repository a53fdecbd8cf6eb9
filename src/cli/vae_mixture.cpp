#include "cli/vae_mixture.h"

#include <ATen/ATen.h>

#include <system_error>

#include "reverie/core/noise.h"
#include "reverie/weights/sha256.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostImages = 20'000;
constexpr std::uint64_t kNoiseStream = 0x6d697874;  // its own, so that no other draw is repeated
constexpr const char* kFormat = "reverie mixture 1";

std::optional<Mixture> kept_mixture(const fs::path& file, const std::string& weights) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        return std::nullopt;
    }
    try {
        const StateDict dict = read_state_dict(file);
        const auto& notes = dict.metadata();
        const auto says = [&](const std::string& name, const std::string& text) {
            const auto found = notes.find(name);
            return found != notes.end() && found->second == text;
        };
        if (!says("format", kFormat) || !says("weights", weights)) {
            return std::nullopt;
        }
        return Mixture{dict.load("weights", true), dict.load("means", true), dict.load("variances", true)};
    } catch (const Error&) {
        return std::nullopt;  // damaged: it is only fitted again
    }
}

}  // namespace

Mixture mixture_of(Session& session, const VaeRun& run, const MixtureFlags& flags) {
    const std::string weights = sha256_of_file(run.weights_file());
    std::error_code ignored;
    const bool keep = fs::is_directory(run.path(), ignored);
    const fs::path file = run.path() / ("mixture-" + std::to_string(flags.components) + ".safetensors");
    if (keep && flags.data.empty()) {
        if (std::optional<Mixture> kept = kept_mixture(file, weights)) {
            return *kept;
        }
    }
    const ImageList images = run.training_images(flags.data).sample(kMostImages, 0);
    const Posterior posterior = run.encode(images);
    const Tensor noise = normal_noise(0, kNoiseStream, 0, images.count(), {run.vae().dimensions()});
    session.console().info("fits " + std::to_string(flags.components) + " Gaussians to the latents of " +
                           std::to_string(images.count()) + " images");
    Mixture mixture = fit_mixture(posterior.mean + at::exp(0.5 * posterior.log_variance) * noise, flags.components, 0);
    if (keep && !session.common().dry_run) {
        write_safetensors(file,
                          {{"weights", mixture.weights}, {"means", mixture.means}, {"variances", mixture.variances}},
                          {{"format", kFormat}, {"weights", weights}});
    }
    return mixture;
}

}  // namespace reverie
