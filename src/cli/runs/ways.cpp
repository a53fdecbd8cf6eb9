#include "cli/runs/ways.h"

#include <ATen/ATen.h>

#include <cmath>

namespace reverie {
namespace {

const Choices<Blend>& blends() {
    static const Choices<Blend> choices = {{"linear", Blend::Linear}, {"spherical", Blend::Spherical}};
    return choices;
}

/// Each frame has the label of the nearest key.
Tensor labels_on_the_way(const Latents& keys, std::int64_t frames, bool loop) {
    if (!keys.labels.defined()) {
        return {};
    }
    const auto last = static_cast<double>(loop ? keys.count() : keys.count() - 1);
    const auto parts = static_cast<double>(loop ? frames : frames - 1);
    Tensor labels = at::empty({frames}, at::kLong);
    for (std::int64_t i = 0; i < frames; ++i) {
        labels[i] = keys.labels[std::llround(static_cast<double>(i) * last / parts) % keys.count()];
    }
    return labels;
}

}  // namespace

void add_frames_flag(FlagGroup& group, std::optional<std::int64_t>& frames) {
    group.add("--frames", frames, "N", "images on the way, both ends included", OptionRange{2, 1e6},
              "60, of a picture 10");
}

std::int64_t frames_of(const std::optional<std::int64_t>& given, ShowAs how) {
    constexpr std::int64_t kFilm = 60;
    constexpr std::int64_t kPicture = 10;
    return given.value_or(how == ShowAs::Picture ? kPicture : kFilm);
}

void show_latents(Session& session, const ShowFlags& flags, const TrainedRun& run, const Latents& latents,
                  const Settings& settings, ShowAs how, const Settings& which) {
    show(session, flags,
         {.count = latents.count(),
          .images = [&](std::int64_t first, std::int64_t count) { return run.decode(latents, first, count); },
          .size = run.image_size(),
          .names = latents.names,
          .settings = settings,
          .which = which},
         how);
}

void show_way(Session& session, const ShowFlags& flags, const TrainedRun& run, const Latents& way,
              const Settings& settings, ShowAs how) {
    constexpr std::int64_t kLongestRow = 12;
    show(session, flags,
         {.count = way.count(),
          .images = [&](std::int64_t first, std::int64_t count) { return run.decode(way, first, count); },
          .size = run.image_size(),
          .columns = way.count() <= kLongestRow ? way.count() : 0,
          .settings = settings},
         how);
}

void add_flags(FlagGroup& group, WayFlags& flags) {
    add_frames_flag(group, flags.frames);
    group.add_choice("--blend", flags.blend, blends(),
                     "linear: straight from point to point; spherical: keeping the distance from the middle, which "
                     "suits seeds");
    group.add("--loop", flags.loop, "back to the first, so that a film has no seam");
}

Latents way_between(const Latents& keys, const WayFlags& flags, ShowAs how) {
    if (keys.count() < 2) {
        throw Error(ErrorKind::Usage, "only one point is given, and a way needs two; name another image or seed");
    }
    const std::int64_t frames = frames_of(flags.frames, how);
    return {latent_path(keys.values, frames, flags.blend, flags.loop), labels_on_the_way(keys, frames, flags.loop), {}};
}

void add_settings(Settings& settings, const WayFlags& flags, const Latents& way) {
    settings.set("frames", way.count());
    settings.set("blend", choice_text(blends(), flags.blend));
    if (flags.loop) {
        settings.set("loop", "true");
    }
}

}  // namespace reverie
