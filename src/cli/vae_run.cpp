#include "cli/vae_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "cli/pieces.h"
#include "reverie/cli/data_flags.h"
#include "reverie/cli/run_training.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

const Choices<VaeWeights>& weights_choices() {
    static const Choices<VaeWeights> choices = {
        {"average", VaeWeights::Average}, {"last", VaeWeights::Last}, {"best", VaeWeights::Best}};
    return choices;
}

/// The RUN, checked to be there.
fs::path run_path(const VaeRunFlags& flags) {
    if (flags.run.empty()) {
        throw Error(ErrorKind::Usage, "no run is given; name RUN, the folder that vae train wrote (see --help)");
    }
    return flags.run;
}

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

std::vector<std::string> read_labels(const fs::path& path) {
    if (!is_there(path)) {
        return {};
    }
    const std::vector<std::byte> bytes = read_file(path);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    try {
        return nlohmann::json::parse(text, text + bytes.size()).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorKind::Input,
                    "'" + path.string() + "' is damaged (no list of names); get it back from the data's sub-folders");
    }
}

}  // namespace

std::string weights_word(VaeWeights weights) { return choice_text(weights_choices(), weights); }

void add_flags(FlagGroup& group, VaeRunFlags& flags) {
    group.add_positional("RUN", flags.run, "the folder that vae train wrote");
    group.add_choice("--weights", flags.weights, weights_choices(),
                     "average: the running mean; last: as training left them; best: when the measured loss was least");
}

void add_class_flag(FlagGroup& group, VaeRunFlags& flags) {
    group.add("--class", flags.label, "NAME", "the label to make, of a run trained with --conditional");
}

VaeRun::VaeRun(Session& session, const VaeRunFlags& flags)
    : session_(session),
      flags_(flags),
      path_(run_path(flags)),
      vae_(load_vae(path_, flags.weights, session.runtime().device)) {
    if (is_there(path_ / kOptionsFile)) {
        options_ = read_config(path_ / kOptionsFile);
    }
    labels_ = read_labels(path_ / kLabelsFile);
    wanted_label();
}

fs::path VaeRun::weights_file() const {
    std::error_code ignored;
    if (!fs::is_directory(path_, ignored)) {
        return path_;
    }
    if (flags_.weights == VaeWeights::Best) {
        return path_ / kBestFile;
    }
    return flags_.weights == VaeWeights::Average && is_there(path_ / kAverageFile) ? path_ / kAverageFile
                                                                                   : path_ / kWeightsFile;
}

std::optional<std::int64_t> VaeRun::wanted_label() const {
    if (flags_.label.empty()) {
        return std::nullopt;
    }
    if (net().classes == 0) {
        throw Error(ErrorKind::Usage, "--class '" + flags_.label + "' means nothing to '" + path_.string() +
                                          "', which was trained without --conditional; leave it away");
    }
    const auto found = std::find(labels_.begin(), labels_.end(), flags_.label);
    if (found == labels_.end()) {
        throw Error(ErrorKind::Usage, "--class '" + flags_.label + "' is not known; '" + path_.string() + "' has " +
                                          (labels_.empty() ? "no names of labels" : join(labels_)) +
                                          did_you_mean(flags_.label, labels_));
    }
    return found - labels_.begin();
}

DataOptions VaeRun::data_options(DataPart part) const {
    DataOptions options;
    options.size = net().size;
    options.channels = net().channels;
    options.part = part;
    options.cache_folder = session_.environment().cache_home / "reverie/data";
    for (const auto& [word, fit] : fits()) {
        if (options_.value("fit") == word) {
            options.fit = fit;
        }
    }
    return options;
}

ImageList VaeRun::images(const std::vector<std::string>& sources, DataPart part) const {
    return open_images(session_, sources, data_options(part));
}

ImageList VaeRun::training_images(const std::string& data) const {
    const std::string source = data.empty() ? options_.value("data") : data;
    if (data.empty() && (source.empty() || !is_there(source))) {
        throw Error(ErrorKind::Usage, "the images that '" + path_.string() + "' was trained on " +
                                          (source.empty() ? "are not known" : "('" + source + "') are not there") +
                                          "; name images with --data");
    }
    return images({source}, DataPart::Train);
}

Tensor VaeRun::labels_of(const ImageList& images, std::int64_t first, std::int64_t count) const {
    if (net().classes == 0) {
        return {};
    }
    if (const std::optional<std::int64_t> wanted = wanted_label()) {
        return at::full({count}, *wanted, at::kLong);
    }
    Tensor labels = at::empty({count}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) {
        const std::string name = images.label(first + i);
        const auto found = std::find(labels_.begin(), labels_.end(), name);
        if (found == labels_.end()) {
            throw Error(ErrorKind::Input, "'" + images.name(first + i) + "' has " +
                                              (name.empty() ? "no label" : "the label '" + name + "'") +
                                              ", and this run knows " + join(labels_) + "; say which with --class");
        }
        labels[i] = found - labels_.begin();
    }
    return labels;
}

Posterior VaeRun::encode(const ImageList& images) const {
    std::vector<Tensor> means;
    std::vector<Tensor> variances;
    in_pieces(session_, images.count(), "images", [&](std::int64_t first, std::int64_t count) {
        Posterior part = vae_.encode(images.read(first, count), labels_of(images, first, count));
        means.push_back(std::move(part.mean));
        variances.push_back(std::move(part.log_variance));
    });
    return {at::cat(means), at::cat(variances)};
}

Latents VaeRun::latents_of(const ImageList& images) const {
    Latents latents{encode(images).mean, labels_of(images, 0, images.count()), {}};
    for (std::int64_t i = 0; i < images.count(); ++i) {
        latents.names.push_back(images.name(i));
    }
    return latents;
}

Latents VaeRun::labelled(Tensor latents, const std::vector<std::uint64_t>& seeds) const {
    Latents all{std::move(latents), {}, {}};
    const std::optional<std::int64_t> wanted = wanted_label();
    if (net().classes > 0) {
        all.labels = at::empty({static_cast<std::int64_t>(seeds.size())}, at::kLong);
    }
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        if (all.labels.defined()) {
            all.labels[static_cast<std::int64_t>(i)] =
                wanted.value_or(static_cast<std::int64_t>(seeds[i] % static_cast<std::uint64_t>(net().classes)));
        }
        all.names.push_back("seed" + std::to_string(seeds[i]));
    }
    return all;
}

Tensor VaeRun::decode(const Latents& latents, std::int64_t first, std::int64_t count) const {
    return vae_.decode(latents.values.narrow(0, first, count),
                       latents.labels.defined() ? latents.labels.narrow(0, first, count) : Tensor());
}

Settings VaeRun::made_with() const {
    Settings settings;
    settings.set("program", session_.program());
    settings.set("version", version());
    settings.set("run", last_part(path_.string()));
    settings.set("weights", weights_word(flags_.weights));
    if (!flags_.label.empty()) {
        settings.set("class", flags_.label);
    }
    return settings;
}
}  // namespace reverie
