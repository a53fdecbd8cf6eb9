// A trained run as the commands use it, whichever program trained it: its folder, its labels, images as it takes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/runs/image_list.h"
#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/train/run_weights.h"

namespace reverie {

struct RunFlags {
    std::string program;  ///< "vae": whose run is wanted
    std::string run = {};
    RunWeights weights = RunWeights::Average;
    std::string label = {};  ///< --class
};

/// RUN; `group`: where it is shown.
void add_run(FlagGroup& group, RunFlags& flags);
void add_weights_flag(FlagGroup& group, RunFlags& flags);
/// RUN and --weights.
void add_flags(FlagGroup& group, RunFlags& flags);
/// --class, where images are made.
void add_class_flag(FlagGroup& group, RunFlags& flags);

/// Throws Usage without a RUN.
std::filesystem::path run_path(const RunFlags& flags);

/// "average", "last" or "best".
std::string weights_word(RunWeights weights);

/// options.toml of a run; empty for a bare weights file.
Settings run_options(const std::filesystem::path& run);

/// What every picture says first: program, version, the run's name.
Settings made_with(const Session& session, const std::filesystem::path& run);

/// What a net makes and takes.
struct ImageKind {
    Size size;
    std::int64_t channels = 3;
    std::int64_t classes = 0;  ///< labels that it knows
};

/// Points of the latent space, with what belongs to each.
struct Latents {
    Tensor values;  ///< [N,D]
    Tensor labels;  ///< int64 [N]; undefined when the net knows none
    std::vector<std::string> names;
    std::int64_t count() const { return values.size(0); }
};

class TrainedRun {
  public:
    /// Throws Usage for a --class that the run does not know.
    TrainedRun(Session& session, const RunFlags& flags, const ImageKind& kind);
    virtual ~TrainedRun() = default;
    TrainedRun(const TrainedRun&) = delete;
    TrainedRun& operator=(const TrainedRun&) = delete;

    virtual std::int64_t dimensions() const = 0;
    /// Images of latents `first` ... `first + count - 1`.
    virtual Tensor decode(const Latents& latents, std::int64_t first, std::int64_t count) const = 0;

    /// Of the images that it makes.
    Size image_size() const noexcept { return kind_.size; }
    /// The folder, or the weights file handed in.
    const std::filesystem::path& path() const noexcept { return path_; }
    /// The weights file in use.
    std::filesystem::path weights_file() const;
    /// Of the labels it was trained with; empty: none.
    const std::vector<std::string>& labels() const noexcept { return labels_; }
    /// What --class means; empty when it was not given.
    std::optional<std::int64_t> wanted_label() const;

    /// Images as this run takes them: its size, channels and fit.
    ImageList images(const std::vector<std::string>& sources, DataPart part = DataPart::Test) const;
    /// What `data` names, else what the run was trained on. Throws Usage, closing with `instead`, when that is not
    /// there any more.
    ImageList training_images(const std::string& data, const std::string& instead = "name images with --data") const;
    /// Labels of those images as this run numbers them, --class winning; undefined when the net knows none. Throws
    /// Input for an image without one.
    Tensor labels_of(const ImageList& images, std::int64_t first, std::int64_t count) const;

    /// `latents` with the labels and names of seeds: --class, else seed modulo labels.
    Latents labelled(Tensor latents, const std::vector<std::uint64_t>& seeds) const;
    /// `latents` that come without labels. Throws Usage when the net wants some and --class does not say which.
    Latents labelled(Tensor latents) const;

    /// What every picture made with it says first.
    Settings made_with() const;

  private:
    Session& session_;
    RunFlags flags_;
    ImageKind kind_;
    std::filesystem::path path_;
    Settings options_;
    std::vector<std::string> labels_;
};

}  // namespace reverie
