#include "cli/runs/trained_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json_text.h"
#include "reverie/cli/data_flags.h"
#include "reverie/cli/run_training.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

const Choices<RunWeights>& weights_choices() {
    static const Choices<RunWeights> choices = {
        {"average", RunWeights::Average}, {"last", RunWeights::Last}, {"best", RunWeights::Best}};
    return choices;
}

std::vector<std::string> read_labels(const fs::path& path) {
    if (!is_there(path)) {
        return {};
    }
    const std::vector<std::byte> bytes = read_file(path);
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    try {
        return json_value({text, bytes.size()}).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
        throw Error(
            ErrorKind::Input,
            "'" + path.string() + "' is damaged (not a list of names); get it back from the data's sub-folders");
    }
}

}  // namespace

std::string weights_word(RunWeights weights) { return choice_text(weights_choices(), weights); }

void add_run(FlagGroup& group, RunFlags& flags) {
    group.add_positional("RUN", flags.run, "the folder that " + flags.program + " train wrote");
}

void add_weights_flag(FlagGroup& group, RunFlags& flags) {
    group.add_choice("--weights", flags.weights, weights_choices(),
                     "average: the running mean; last: as training left them; best: when what it measured was best");
}

void add_flags(FlagGroup& group, RunFlags& flags) {
    add_run(group, flags);
    add_weights_flag(group, flags);
}

void add_class_flag(FlagGroup& group, RunFlags& flags) {
    group.add("--class", flags.label, "NAME", "the label to make, of a run trained with --conditional");
}

fs::path run_path(const RunFlags& flags) {
    if (flags.run.empty()) {
        throw Error(ErrorKind::Usage,
                    "no run is given; name RUN, the folder that " + flags.program + " train wrote (see --help)");
    }
    return flags.run;
}

Settings run_options(const fs::path& run) {
    return is_there(run / kOptionsFile) ? read_config(run / kOptionsFile) : Settings();
}

Settings made_with(const Session& session, const fs::path& run) {
    Settings settings;
    settings.set("program", session.program());
    settings.set("version", version());
    settings.set("run", last_part(run.string()));
    return settings;
}

TrainedRun::TrainedRun(Session& session, const RunFlags& flags, const ImageKind& kind)
    : session_(session),
      flags_(flags),
      kind_(kind),
      path_(run_path(flags)),
      options_(run_options(path_)),
      labels_(read_labels(path_ / kLabelsFile)) {
    wanted_label();
}

fs::path TrainedRun::weights_file() const { return run_weights_file(path_, flags_.weights, flags_.program); }

std::optional<std::int64_t> TrainedRun::wanted_label() const {
    if (flags_.label.empty()) {
        return std::nullopt;
    }
    if (kind_.classes == 0) {
        throw Error(ErrorKind::Usage, "--class '" + flags_.label + "' means nothing to '" + path_.string() +
                                          "', which was trained without --conditional; leave it out");
    }
    const auto found = std::find(labels_.begin(), labels_.end(), flags_.label);
    if (found == labels_.end()) {
        throw Error(ErrorKind::Usage, "--class '" + flags_.label + "' is not known; '" + path_.string() + "' has " +
                                          (labels_.empty() ? "no names of labels" : join(labels_)) +
                                          did_you_mean(flags_.label, labels_));
    }
    return found - labels_.begin();
}

ImageList TrainedRun::images(const std::vector<std::string>& sources, DataPart part) const {
    GivenOptions given;
    if (const std::string fit = options_.value("fit"); !fit.empty()) {
        given.set("fit", {fit});
    }
    DataOptions options = with_given(DataOptions(), data_option_table(), given);
    options.size = kind_.size;
    options.channels = kind_.channels;
    options.part = part;
    options.cache_folder = session_.environment().cache_home / "reverie/data";
    return open_images(session_, sources, options);
}

ImageList TrainedRun::training_images(const std::string& data, const std::string& instead) const {
    const std::string source = data.empty() ? options_.value("data") : data;
    if (data.empty() && (source.empty() || !is_there(source))) {
        throw Error(ErrorKind::Usage, "the images that '" + path_.string() + "' was trained on " +
                                          (source.empty() ? "are not known" : "('" + source + "') are not there") +
                                          "; " + instead);
    }
    return images({source}, DataPart::Train);
}

Tensor TrainedRun::labels_of(const ImageList& images, std::int64_t first, std::int64_t count) const {
    if (kind_.classes == 0) {
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

Latents TrainedRun::labelled(Tensor latents, const std::vector<std::uint64_t>& seeds) const {
    Latents all{std::move(latents), {}, {}};
    const std::optional<std::int64_t> wanted = wanted_label();
    if (kind_.classes > 0) {
        all.labels = at::empty({static_cast<std::int64_t>(seeds.size())}, at::kLong);
    }
    for (std::size_t i = 0; i < seeds.size(); ++i) {
        if (all.labels.defined()) {
            all.labels[static_cast<std::int64_t>(i)] =
                wanted.value_or(static_cast<std::int64_t>(seeds[i] % static_cast<std::uint64_t>(kind_.classes)));
        }
        all.names.push_back("seed" + std::to_string(seeds[i]));
    }
    return all;
}

Latents TrainedRun::labelled(Tensor latents) const {
    Latents all{std::move(latents), {}, {}};
    if (kind_.classes > 0) {
        const std::optional<std::int64_t> wanted = wanted_label();
        if (!wanted) {
            throw Error(ErrorKind::Usage, "'" + path_.string() +
                                              "' was trained with labels, and latents carry none; say which with "
                                              "--class");
        }
        all.labels = at::full({all.count()}, *wanted, at::kLong);
    }
    return all;
}

Settings TrainedRun::made_with() const {
    Settings settings = reverie::made_with(session_, path_);
    settings.set("weights", weights_word(flags_.weights));
    if (!flags_.label.empty()) {
        settings.set("class", flags_.label);
    }
    return settings;
}

}  // namespace reverie
