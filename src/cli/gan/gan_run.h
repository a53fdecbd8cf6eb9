// A trained generator as the commands use it.
#pragma once

#include <cstdint>
#include <string>

#include "cli/runs/seeds.h"
#include "cli/runs/trained_run.h"
#include "reverie/techniques/gan.h"

namespace reverie {

class GanRun : public TrainedRun {
  public:
    /// Sets up the device and loads the weights; a generator that has layouts gets them truncated. Throws Usage without
    /// a RUN, Cancelled, and what load_gan throws.
    GanRun(Session& session, const RunFlags& flags, double truncation = 1.0);

    const GanNetOptions& options() const { return gan_.options(); }
    /// Whether it is layouts that --truncation is about, not latents.
    bool has_layouts() const { return gan_.has_layouts(); }
    std::int64_t dimensions() const override { return gan_.options().latent; }
    Tensor decode(const Latents& latents, std::int64_t first, std::int64_t count) const override;

    /// Of seeds 1 to `count`.
    Latents first_seeds(std::int64_t count) const;

  private:
    GanRun(Session& session, const RunFlags& flags, Gan gan);

    Gan gan_;
};

/// Where latents come from.
struct GanLatentFlags : SeedFlags {
    std::string file;  ///< --latents: instead of seeds
};

void add_flags(FlagGroup& group, GanLatentFlags& flags, const std::string& default_text);

/// Throws Usage for flags that exclude each other.
void validate(const GanLatentFlags& flags);

/// Those of --latents, else of `seeds`, written as --seeds takes them. Throws Usage, and what reading latents throws.
Latents latents_of(const GanRun& run, const GanLatentFlags& flags, const std::string& seeds);

/// Which they are, and all else that decides them.
void add_which_settings(Settings& settings, const GanLatentFlags& flags, const std::string& seeds);
void add_settings(Settings& settings, const GanLatentFlags& flags);

}  // namespace reverie
