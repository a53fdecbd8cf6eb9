// gan nearest
#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "cli/gan/gan_commands.h"
#include "cli/gan/gan_run.h"
#include "cli/runs/image_list.h"
#include "cli/runs/measures.h"
#include "cli/runs/show.h"
#include "cli/runs/with_progress.h"
#include "reverie/metrics/sample_quality.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace {

constexpr const char* kSeeds = "1-16";

class Nearest : public Program {
  public:
    std::string name() const override { return "gan nearest"; }
    std::string description() const override {
        return "Shows samples of a run above the images that are most like them: whether it makes new ones or copies.";
    }
    std::string output_help() const override {
        return "a picture (sheet.png): rows of samples, and below each the nearest image; - is a PNG on standard "
               "output";
    }
    std::string examples() const override {
        return "What is near is measured in features of a net, as gan evaluate measures.\n\n"
               "examples:\n"
               "  gan nearest run/ -o sheet.png\n"
               "  gan nearest run/ faces/ -o sheet.png --seeds 1-24 --columns 12\n";
    }

    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_,
                             "real " + std::string(kSourcesHelp) + "; else those the run was trained on");
        reverie::add_flags(input, show_, /*moving=*/false);
        FlagGroup what(app, "Samples");
        reverie::add_flags(what, latents_, kSeeds);
        add_class_flag(what, run_);
        what.add("--features", features_, "NAME", "whose features are compared: " + features_help());
    }

    int run(Session& session) override {
        validate(latents_);
        require_features(features_);
        check_sheet_output(session);
        const std::string seeds = latents_.seeds.empty() ? kSeeds : latents_.seeds;
        const GanRun run(session, run_, latents_.truncation);
        const Latents latents = latents_of(run, latents_, seeds);
        const NetworkWeights weights = required_feature_weights(session, features_, looked_through(run.options()));
        const ImageList reals =
            images_.empty() ? run.training_images("", "name images after RUN") : run.images(images_);
        const Tensor samples = run.decode(latents, 0, latents.count());
        const ImageSource source{.count = samples.size(0), .images = [&](std::int64_t first, std::int64_t count) {
                                     return samples.narrow(0, first, count);
                                 }};
        Measuring measuring = measuring_with(session, weights);
        const Tensor found = with_progress(session, "", [&](const Hooks& hooks) {
            const FeatureFile kept =
                feature_file(features_folder(session.environment()), measuring.protocol, reals.digest());
            const Tensor of_reals = kept_features(kept.path, kept.key, [&] {
                return image_features(measuring.net, measuring.protocol, source_of(reals), hooks);
            });
            return at::cdist(image_features(measuring.net, measuring.protocol, source, hooks), of_reals).argmin(1);
        });
        std::vector<Tensor> nearest;
        for (std::int64_t i = 0; i < found.size(0); ++i) {
            nearest.push_back(reals.read(found[i].item<std::int64_t>(), 1));
        }
        ShowFlags sheet = show_;
        sheet.columns = std::min(show_.columns, samples.size(0));
        const Tensor all = interleave_rows({samples, at::cat(nearest)}, sheet.columns);
        Settings settings = run.made_with();
        add_settings(settings, latents_);
        settings.set("features", measuring.protocol.network);
        Settings which;
        add_which_settings(which, latents_, seeds);
        show(session, sheet,
             {.count = all.size(0),
              .images = [&](std::int64_t first, std::int64_t count) { return all.narrow(0, first, count); },
              .size = size_of(all),
              .settings = settings,
              .which = which},
             ShowAs::Picture);
        return 0;
    }

  private:
    RunFlags run_{.program = "gan"};
    std::vector<std::string> images_;
    ShowFlags show_{.columns = 8};
    GanLatentFlags latents_;
    std::string features_ = "auto";
};

}  // namespace

std::unique_ptr<Program> gan_nearest_command() { return std::make_unique<Nearest>(); }

}  // namespace reverie
