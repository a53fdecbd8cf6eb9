// A trained VAE as the commands use it: the run folder, images as latents, latents as images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/image_list.h"
#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/techniques/vae.h"

namespace reverie {

struct VaeRunFlags {
    std::string run;
    VaeWeights weights = VaeWeights::Average;
    std::string label;  ///< --class
};

/// RUN and --weights; `group`: where they are shown.
void add_flags(FlagGroup& group, VaeRunFlags& flags);
/// --class, where images are made.
void add_class_flag(FlagGroup& group, VaeRunFlags& flags);

/// Points of the latent space, with what belongs to each.
struct Latents {
    Tensor values;  ///< [N,D]
    Tensor labels;  ///< int64 [N]; undefined when the net knows none
    std::vector<std::string> names;
    std::int64_t count() const { return values.size(0); }
};

class VaeRun {
  public:
    /// Sets up the device and loads the weights. Throws Usage without a RUN, and what load_vae throws.
    VaeRun(Session& session, const VaeRunFlags& flags);

    const Vae& vae() const noexcept { return vae_; }
    const VaeNetOptions& net() const { return vae_.options().net; }
    /// The folder, or the weights file handed in.
    const std::filesystem::path& path() const noexcept { return path_; }
    /// The weights file in use.
    std::filesystem::path weights_file() const;
    /// Of the labels it was trained with; empty: none.
    const std::vector<std::string>& labels() const noexcept { return labels_; }
    /// What --class means; empty when it was not given. Throws Usage.
    std::optional<std::int64_t> wanted_label() const;

    /// Images as this run takes them: its size, channels and fit.
    ImageList images(const std::vector<std::string>& sources, DataPart part = DataPart::Test) const;
    /// What --data names, else what the run was trained on. Throws Usage when that is not there any more.
    ImageList training_images(const std::string& data) const;

    /// Labels of those images as this run numbers them, --class winning; undefined when the net knows none. Throws
    /// Input for an image without one.
    Tensor labels_of(const ImageList& images, std::int64_t first, std::int64_t count) const;
    /// Posteriors of all of them, [N,D] each, with progress.
    Posterior encode(const ImageList& images) const;
    /// Means of posteriors.
    Latents latents_of(const ImageList& images) const;
    /// `latents` with the labels and names of seeds: --class, else seed modulo labels.
    Latents labelled(Tensor latents, const std::vector<std::uint64_t>& seeds) const;
    /// Images of latents `first` ... `first + count - 1`.
    Tensor decode(const Latents& latents, std::int64_t first, std::int64_t count) const;

    /// What every picture made with it says first.
    Settings made_with() const;

  private:
    DataOptions data_options(DataPart part) const;

    Session& session_;
    VaeRunFlags flags_;
    std::filesystem::path path_;
    Vae vae_;
    Settings options_;  ///< of the run; empty for a bare weights file
    std::vector<std::string> labels_;
};

/// "average", "last" or "best".
std::string weights_word(VaeWeights weights);

}  // namespace reverie
