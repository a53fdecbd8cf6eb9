// gan train
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cli/gan/gan_commands.h"
#include "cli/gan/gan_flags.h"
#include "cli/runs/measures.h"
#include "reverie/cli/data_flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/run_training.h"
#include "reverie/cli/train_flags.h"
#include "reverie/metrics/sample_quality.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/nn/projector.h"
#include "reverie/weights/state_dict.h"
#include "reverie/weights/store.h"

namespace reverie {
namespace {

constexpr const char* kProgram = "gan";

/// Fewer cannot be measured: see precision_recall.

class Train : public Program {
  public:
    std::string name() const override { return "gan train"; }
    std::string description() const override {
        return "Learns to make images like those of a set; goes on where it was stopped.";
    }
    std::string examples() const override {
        return "The run folder gets weights, metrics, previews and report.html; its name is the last line printed.\n\n"
               "examples:\n"
               "  gan train faces/ -o run/ --size 64 --mirror --time 30m\n"
               "  gan train faces/ -o run/ --resume              goes on, to the bit as if never stopped\n"
               "  gan train mnist/ -o digits/ --conditional\n"
               "  gan train faces/ -o run/ --preset projected --time 1h   looks through a pretrained net: better "
               "images\n"
               "  gan train birds.tar -o run/ --preset pytorch --size 64 --dry-run\n";
    }
    std::string output_help() const override { return "the run folder, made new"; }
    bool replaces_outputs() const override { return false; }
    bool may_share() const override { return true; }

    void add_flags(CLI::App& app) override {
        reverie::add_flags(app, train_, shown_gan_recipe().training, /*holds_out=*/false);
        reverie::add_flags(app, gan_);
        reverie::add_flags(app, data_);
    }

    std::vector<Followers> followers() const override {
        std::vector<Followers> all = train_followers();
        for (Followers& followers : gan_followers()) {
            all.push_back(std::move(followers));
        }
        return all;
    }

    std::filesystem::path goes_on_with(const CommonOptions& common) const override {
        return options_to_resume(train_, common, kProgram);
    }

    int run(Session& session) override {
        return run_training(session, train_, data_, {.name = kProgram, .prepare = [&](const TrainingImages& data) {
                                                         return prepare(session, data);
                                                     }});
    }

  private:
    TrainingPlan prepare(Session& session, const TrainingImages& data) const {
        const Dataset& images = data.images;
        const GanRecipe recipe = gan_recipe(gan_.preset, images.size(), images.channels(), images.count());
        const GanOptions options = gan_options(gan_, recipe, images.classes());
        TrainingPlan plan;
        plan.options = train_options(train_, recipe.training, session.common(), session.runtime());
        plan.labelled = options.net.classes > 0;
        plan.identity = gan_identity(gan_, options);
        const std::shared_ptr<FrozenNet> projector = projector_of(session, options.net, plan.options.engine);
        const GanMeasure measure = measure_on(session, data, looked_through(options.net));
        plan.measured = measure.net ? gan_.measured : 0;
        plan.identity.emplace_back("features", measure.net ? measure.protocol.network : "none");
        plan.identity.emplace_back("fid-samples", std::to_string(gan_.measured));
        // A run that is gone on with has its own weights.
        const bool fresh = options_to_resume(train_, session.common(), kProgram).empty();
        NamedTensors start;
        if (fresh && !gan_.init_from.empty()) {
            // Not the mean, which only the generator has.
            start = all_tensors(read_run_weights(gan_.init_from, RunWeights::Last, kProgram));
        }
        auto task = std::make_unique<GanTask>(options, session.common().runtime.seed, session.runtime().device, measure,
                                              start, projector);
        plan.facts = {{"generator", std::to_string(task->generator_parameters()) + " parameters"},
                      {"discriminator", std::to_string(task->discriminator_parameters()) + " parameters"},
                      {"latent", std::to_string(options.net.latent) + " dimensions"},
                      {"loss", text_of(options.loss)},
                      {"augmentation", augmentation_text(options)}};
        plan.task = std::move(task);
        return plan;
    }

    /// What the discriminator looks through; null: it looks at images. The run's seed draws the projections.
    static std::shared_ptr<FrozenNet> projector_of(Session& session, const GanNetOptions& options, TrainEngine engine) {
        const std::string network = looked_through(options);
        if (network.empty()) {
            return nullptr;
        }
        const WeightStore store(store_locations(session.environment()));
        const NetworkWeights weights = resolve_network(session, {.network = "auto"}, store, {network});
        const std::uint64_t seed = session.common().runtime.seed;
        return std::make_shared<FrozenNet>(load_net(
            weights, session.runtime().device, [seed](Graph& graph) { add_projections(graph, seed); },
            engine == TrainEngine::Libtorch ? Engine::Libtorch : Engine::Auto));
    }

    /// How samples are measured; without a net where they are not.
    GanMeasure measure_on(Session& session, const TrainingImages& data, const std::string& looked_through) const {
        const Dataset& reals = data.test ? *data.test : data.images;
        const std::int64_t count = std::min(gan_.measured, reals.count());
        if (count < kLeastMeasured) {
            if (gan_.features != "none") {
                session.console().info("samples are not measured: " + std::to_string(count) +
                                       (count == 1 ? " image is" : " images are") + " too few to compare them with");
            }
            return {};
        }
        const std::optional<NetworkWeights> weights = feature_weights(session, gan_.features, looked_through);
        if (!weights) {
            return {};
        }
        Measuring measuring = measuring_with(session, *weights);
        GanMeasure measure;
        measure.net = std::make_shared<FrozenNet>(std::move(measuring.net));
        measure.protocol = measuring.protocol;
        measure.samples = gan_.measured;
        const FeatureFile kept = feature_file(features_folder(session.environment()), measure.protocol,
                                              reals.digest() + ", a sample of " + std::to_string(count));
        measure.reals_features = [kept](const std::function<Tensor()>& make) {
            return kept_features(kept.path, kept.key, make);
        };
        return measure;
    }

    static std::string augmentation_text(const GanOptions& options) {
        if (!options.augment.any()) {
            return "none";
        }
        return text_of(options.augment) +
               (options.augment_target > 0.0 ? ", as often as holds E sign(D) at " + number_text(options.augment_target)
                                             : ", with probability " + number_text(options.augment_probability));
    }

    TrainFlags train_;
    GanFlags gan_;
    DataFlags data_;
};

}  // namespace

std::unique_ptr<Program> gan_train_command() { return std::make_unique<Train>(); }

}  // namespace reverie
