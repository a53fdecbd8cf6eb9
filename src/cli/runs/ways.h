// Latents and ways between them, shown: what sample, decode and interpolate have in common.
#pragma once

#include <cstdint>
#include <optional>

#include "cli/runs/show.h"
#include "cli/runs/trained_run.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {

/// --frames.
void add_frames_flag(FlagGroup& group, std::optional<std::int64_t>& frames);

/// What was given, or what suits a film or a picture. Throws Usage.
std::int64_t frames_of(const std::optional<std::int64_t>& given, ShowAs how);

/// The images of `latents` to --output. `settings` decide each image, `which` says which are there.
void show_latents(Session& session, const ShowFlags& flags, const TrainedRun& run, const Latents& latents,
                  const Settings& settings, ShowAs how, const Settings& which = {});

/// The same for frames of a way: without names, and few of them in one row.
void show_way(Session& session, const ShowFlags& flags, const TrainedRun& run, const Latents& way,
              const Settings& settings, ShowAs how);

struct WayFlags {
    std::optional<std::int64_t> frames;
    Blend blend = Blend::Linear;
    bool loop = false;
};

void add_flags(FlagGroup& group, WayFlags& flags);

/// From key to key; each frame has the label of the nearest. Throws Usage for fewer than two.
Latents way_between(const Latents& keys, const WayFlags& flags, ShowAs how);

/// With the frames of that way.
void add_settings(Settings& settings, const WayFlags& flags, const Latents& way);

}  // namespace reverie
