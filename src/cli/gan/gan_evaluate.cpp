// gan evaluate
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/frame/table.h"
#include "cli/gan/gan_commands.h"
#include "cli/gan/gan_run.h"
#include "cli/runs/measures.h"
#include "cli/runs/with_progress.h"
#include "core/json_text.h"
#include "reverie/cli/data_flags.h"
#include "reverie/core/files.h"
#include "reverie/metrics/sample_quality.h"
#include "reverie/train/run_folder.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostSamples = 5000;

/// What is compared: a generator's images, or those of files, with real ones.
struct Sides {
    std::unique_ptr<GanRun> run;  ///< null: pictures are compared
    ImageList pictures;
    ImageList reals;
    Latents latents;
    ImageSource fakes() const {
        if (run == nullptr) {
            return source_of(pictures);
        }
        return {.count = latents.count(),
                .images = [this](std::int64_t first, std::int64_t n) { return run->decode(latents, first, n); }};
    }
};

/// Whether that names a run, not pictures. What is not there is called a run, whose fault is worded best.
bool is_run(const std::string& text) {
    const fs::path path = source_and_label(text).first;
    return !is_there(path) || path.extension() == ".safetensors" || is_there(path / kOptionsFile) ||
           is_there(path / kWeightsFile);
}

class Evaluate : public Program {
  public:
    std::string name() const override { return "gan evaluate"; }
    std::string description() const override {
        return "Measures samples of a run, or pictures of any generator, against real images.";
    }
    std::string output_help() const override { return ""; }
    std::string examples() const override {
        return "Compare only what was measured with the same net and the same numbers of images: all of it depends on "
               "them.\n\n"
               "examples:\n"
               "  gan evaluate run/                      against the images it was trained on\n"
               "  gan evaluate run/ test/ --samples 10000 --json\n"
               "  gan evaluate pictures/ faces/ --size 64\n";
    }
    bool may_share() const override { return true; }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        input.add_positional("RUN", run_.run,
                             "the folder that gan train wrote, or pictures of any generator as IMAGE names them");
        add_weights_flag(input, run_);
        input.add_positional("IMAGE", images_,
                             "real " + std::string(kSourcesHelp) +
                                 "; of an IDX folder its test images. Of a run: those it was trained on");
        FlagGroup what(app, "What is measured");
        what.add("--samples", samples_, "N", "samples, and at most so many of the real images",
                 {.low = kLeastMeasured, .wanted = std::to_string(kLeastMeasured) + " or more"},
                 "as many as the images, up to " + std::to_string(kMostSamples));
        what.add("--features", features_, "NAME", "whose features are compared: " + features_help());
        add_class_flag(what, run_);
        what.add("--size", size_, "PX|WxH", "of pictures and images that are compared without a run",
                 "the pictures' own up to 128 px, else 64");
    }

    int run(Session& session) override {
        const std::string path = run_path(run_).string();
        const bool pictures = !images_.empty() && !is_run(path);
        if (!pictures && !size_.empty()) {
            throw Error(ErrorKind::Usage, "--size '" + size_ + "' is not for a run, which has its own; leave it out");
        }
        if (pictures && !run_.label.empty()) {
            throw Error(ErrorKind::Usage, "--class '" + run_.label + "' is not for pictures; leave it out");
        }
        require_features(features_);
        auto trained = pictures ? nullptr : std::make_unique<GanRun>(session, run_);
        const std::string through = trained ? looked_through(trained->options()) : "";
        const NetworkWeights weights = required_feature_weights(session, features_, through);
        const Sides sides = pictures ? two_sources(session) : run_and_images(std::move(trained));
        const std::int64_t reals = sides.reals.count();
        const std::int64_t fakes = sides.fakes().count;
        if (std::min(reals, fakes) < kLeastMeasured) {
            throw Error(ErrorKind::Input, std::to_string(reals) + " real images and " + std::to_string(fakes) +
                                              " samples are too few to compare; wanted " +
                                              std::to_string(kLeastMeasured) + " or more of each");
        }
        session.ranks();
        session.save_config({});
        if (session.common().dry_run) {
            session.print(std::to_string(fakes) + " samples against " + std::to_string(reals) +
                          " images, features of " + weights.network);
            return 0;
        }
        print(session, sides, measured(session, sides, weights));
        return 0;
    }

  private:
    std::int64_t samples_for(std::int64_t images) const { return samples_.value_or(std::min(kMostSamples, images)); }

    Sides run_and_images(std::unique_ptr<GanRun> run) const {
        Sides sides;
        sides.run = std::move(run);
        sides.reals =
            images_.empty() ? sides.run->training_images("", "name images after RUN") : sides.run->images(images_);
        const std::int64_t count = samples_for(sides.reals.count());
        sides.reals = sides.reals.sample(count, 0);
        sides.latents = sides.run->first_seeds(count);
        return sides;
    }

    Sides two_sources(Session& session) const {
        DataFlags flags;
        if (!size_.empty()) {
            flags.options.set("size", {size_});
        }
        DataOptions options = data_options(flags, session.environment());
        options.part = DataPart::Test;
        options.channels = 3;  // what colour one side alone has is to count
        Sides sides;
        sides.pictures = open_images(session, {run_.run}, options);
        const Tensor first = sides.pictures.read(0, 1);
        options.size = size_of(first);
        sides.reals = open_images(session, images_, options);
        const std::int64_t count = samples_for(sides.reals.count());
        sides.pictures = sides.pictures.sample(count, 0);
        sides.reals = sides.reals.sample(count, 0);
        return sides;
    }

    static std::vector<Measure> measured(Session& session, const Sides& sides, const NetworkWeights& weights) {
        Measuring measuring = measuring_with(session, weights);
        const FeatureProtocol& protocol = measuring.protocol;
        const ImageSource reals = source_of(sides.reals);
        const ImageSource fakes = sides.fakes();
        const FeatureFile kept = feature_file(features_folder(session.environment()), protocol, sides.reals.digest());
        const SampleQuality quality = with_progress(session, "", [&](const Hooks& hooks) {
            return sample_quality(measuring.net, protocol, reals, fakes, kept, hooks, session.ranks());
        });
        const auto named = [&](const std::string& key, const std::string& about, double value) {
            return Measure{key, about, value, protocol.name(key, reals.count, fakes.count), true};
        };
        return {named("frechet", "Frechet distance", quality.frechet),
                named("kernel", "kernel distance", quality.kernel), named("precision", "precision", quality.precision),
                named("recall", "recall", quality.recall),
                Measure{"diversity", "diversity", quality.diversity, "of the images' own"}};
    }

    void print(Session& session, const Sides& sides, const std::vector<Measure>& measures) const {
        const std::int64_t images = sides.reals.count();
        const std::int64_t samples = sides.fakes().count;
        if (session.common().json) {
            nlohmann::ordered_json object = {{"run", run_.run}, {"images", images}, {"samples", samples}};
            if (sides.run != nullptr) {
                object["weights"] = weights_word(run_.weights);
            }
            put(object, measures);
            session.print(json_text(object));
            return;
        }
        std::vector<std::vector<std::string>> cells = {{"images", std::to_string(images), ""},
                                                       {"samples", std::to_string(samples), ""}};
        for (const Measure& measure : measures) {
            cells.push_back(cells_of(measure));
        }
        session.print(render_table({"measure", "value", ""}, cells));
    }

    RunFlags run_{.program = "gan"};
    std::vector<std::string> images_;
    std::optional<std::int64_t> samples_;
    std::string features_ = "auto";
    std::string size_;
};

}  // namespace

std::unique_ptr<Program> gan_evaluate_command() { return std::make_unique<Evaluate>(); }

}  // namespace reverie
