#include "cli/gan/gan_run.h"

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

ImageKind kind_of(const Gan& gan) {
    const GanNetOptions& net = gan.options();
    return {net.size, net.channels, net.classes};
}

Gan truncated(const Gan& gan, double truncation, const Hooks& hooks) {
    return truncation != 1.0 && gan.has_layouts() ? gan.with_truncated_layouts(truncation, hooks) : gan;
}

}  // namespace

GanRun::GanRun(Session& session, const RunFlags& flags, double truncation)
    : GanRun(
          session, flags,
          truncated(load_gan(run_path(flags), flags.weights, session.runtime().device), truncation, session.hooks())) {}

GanRun::GanRun(Session& session, const RunFlags& flags, Gan gan)
    : TrainedRun(session, flags, kind_of(gan)), gan_(std::move(gan)) {}

Tensor GanRun::decode(const Latents& latents, std::int64_t first, std::int64_t count) const {
    return gan_.generate(latents.values.narrow(0, first, count),
                         latents.labels.defined() ? latents.labels.narrow(0, first, count) : Tensor());
}

Latents GanRun::first_seeds(std::int64_t count) const {
    const std::vector<std::uint64_t> seeds = reverie::first_seeds(count);
    return labelled(seed_latents(seeds, dimensions()), seeds);
}

void add_flags(FlagGroup& group, GanLatentFlags& flags, const std::string& default_text) {
    add_flags(group, static_cast<SeedFlags&>(flags), default_text);
    group.add("--latents", flags.file, "FILE", "points of your own instead: .npy or .csv, a row each");
}

void validate(const GanLatentFlags& flags) {
    if (!flags.file.empty() && (!flags.seeds.empty() || flags.truncation != 1.0)) {
        throw Error(ErrorKind::Usage,
                    "--latents '" + flags.file + "' already says which points; leave --seeds and --truncation out");
    }
}

Latents latents_of(const GanRun& run, const GanLatentFlags& flags, const std::string& seeds) {
    if (!flags.file.empty()) {
        return run.labelled(read_latents(flags.file, run.dimensions()));
    }
    const std::vector<std::uint64_t> numbers = seeds_of(flags, seeds);
    return run.labelled(seed_latents(numbers, run.dimensions(), run.has_layouts() ? 1.0 : flags.truncation), numbers);
}

void add_which_settings(Settings& settings, const GanLatentFlags& flags, const std::string& seeds) {
    flags.file.empty() ? settings.set("seeds", seeds) : settings.set("latents", last_part(flags.file));
}

void add_settings(Settings& settings, const GanLatentFlags& flags) {
    if (flags.file.empty()) {
        add_settings(settings, static_cast<const SeedFlags&>(flags));
    }
}

}  // namespace reverie
