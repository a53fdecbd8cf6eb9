// A trained VAE as the commands use it: images as latents, latents as images.
#pragma once

#include <cstdint>

#include "cli/runs/trained_run.h"
#include "reverie/techniques/vae.h"

namespace reverie {

class VaeRun : public TrainedRun {
  public:
    /// Sets up the device and loads the weights. Throws Usage without a RUN, and what load_vae throws.
    VaeRun(Session& session, const RunFlags& flags);

    const Vae& vae() const noexcept { return vae_; }
    const VaeNetOptions& net() const { return vae_.options().net; }
    std::int64_t dimensions() const override { return vae_.dimensions(); }
    Tensor decode(const Latents& latents, std::int64_t first, std::int64_t count) const override;

    /// Them with their labels as this run numbers them (see labels_of). Refers to both.
    ImageSource source(const ImageList& images) const;
    /// Posteriors of all of them, [N,D] each, with progress.
    Posterior encode(const ImageList& images) const;
    /// Means of posteriors.
    Latents latents_of(const ImageList& images) const;

  private:
    VaeRun(Session& session, const RunFlags& flags, Vae vae);

    Session& session_;
    Vae vae_;
};

}  // namespace reverie
