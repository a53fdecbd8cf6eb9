// vae train
#include <utility>

#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_flags.h"
#include "cli/vae/vae_run.h"
#include "cli/vae/vae_sampler.h"
#include "reverie/cli/data_flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/run_training.h"
#include "reverie/cli/train_flags.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/weights/state_dict.h"

namespace reverie {
namespace {

constexpr const char* kProgram = "vae";

class Train : public Program {
  public:
    std::string name() const override { return "vae train"; }
    std::string description() const override { return "Learns a set of images; goes on where it was stopped."; }
    std::string examples() const override {
        return "The run folder gets weights, metrics, previews and report.html; its name is the last line printed.\n\n"
               "examples:\n"
               "  vae train faces/ -o run/ --size 64 --time 30m\n"
               "  vae train faces/ -o run/ --resume              goes on, to the bit as if never stopped\n"
               "  vae train mnist/ -o digits/ --binarize --epochs 20\n"
               "  vae train faces.tar -o run/ --latent 256 --beta 0.5 --dry-run\n";
    }
    std::string output_help() const override { return "the run folder, made new"; }
    bool replaces_outputs() const override { return false; }
    bool may_share() const override { return true; }

    void add_flags(CLI::App& app) override {
        reverie::add_flags(app, train_, vae_recipe(vae_.preset, Size{64, 64}, 3).training);
        reverie::add_flags(app, vae_);
        reverie::add_flags(app, data_);
    }

    std::vector<Followers> followers() const override {
        std::vector<Followers> all = train_followers();
        for (Followers& followers : vae_followers()) {
            all.push_back(std::move(followers));
        }
        return all;
    }

    std::filesystem::path goes_on_with(const CommonOptions& common) const override {
        return options_to_resume(train_, common, kProgram);
    }

    int run(Session& session) override {
        return run_training(
            session, train_, data_,
            {.name = kProgram,
             .prepare = [&](const TrainingImages& data) { return prepare(session, data.images); },
             .trained =
                 [&] {
                     fit_sampler(session, VaeRun(session, {.program = kProgram, .run = session.common().output}));
                 }});
    }

  private:
    TrainingPlan prepare(Session& session, const Dataset& images) const {
        const VaeRecipe recipe = vae_recipe(vae_.preset, images.size(), images.channels());
        const VaeOptions options = vae_options(vae_, recipe, images.classes());
        TrainingPlan plan;
        plan.options = train_options(train_, recipe.training, session.common(), session.runtime());
        plan.planned = options.kl_warmup > 0.0 || options.kl_cycles > 0;
        plan.labelled = options.net.classes > 0;
        plan.identity = vae_identity(vae_, options);
        std::shared_ptr<FrozenNet> features;
        if (options.likelihood.kind == LikelihoodKind::Perceptual) {
            const NetworkWeights weights = perceptual_weights(session);
            features = std::make_shared<FrozenNet>(load_net(session, weights));
            plan.identity.emplace_back("perceptual-network", weights.network);
        }
        // A run that is gone on with has its own weights.
        const bool fresh = options_to_resume(train_, session.common(), kProgram).empty();
        NamedTensors start;
        if (fresh && !vae_.init_from.empty()) {
            start = all_tensors(read_run_weights(vae_.init_from, RunWeights::Average, kProgram));
        }
        auto task = std::make_unique<VaeTask>(options, session.common().runtime.seed, session.runtime().device,
                                              std::move(features), start);
        plan.facts = {{"parameters", std::to_string(task->parameters())},
                      {"latent", latent_text(options)},
                      {"likelihood", text_of(options.likelihood.kind)}};
        plan.task = std::move(task);
        return plan;
    }

    NetworkWeights perceptual_weights(Session& session) const {
        NetworkOptions network;
        network.network = vae_.perceptual_network;
        const WeightStore store(store_locations(session.environment()));
        return resolve_network(session, network, store, perceptual_networks());
    }

    static std::string latent_text(const VaeOptions& options) {
        const std::string latent = std::to_string(options.net.latent);
        return options.net.latent_grid > 0
                   ? latent + " channels, " + std::to_string(options.net.latent_grid) + " places along the shorter side"
                   : latent + " dimensions";
    }

    TrainFlags train_;
    VaeFlags vae_;
    DataFlags data_;
};

}  // namespace

std::unique_ptr<Program> vae_train_command() { return std::make_unique<Train>(); }

}  // namespace reverie
