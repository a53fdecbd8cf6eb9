// vae evaluate
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/frame/table.h"
#include "cli/runs/measures.h"
#include "cli/runs/seeds.h"
#include "cli/runs/with_progress.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_run.h"
#include "cli/vae/vae_sampler.h"
#include "core/json_text.h"
#include "reverie/techniques/vae_evaluation.h"
#include "reverie/techniques/vae_latents.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

std::vector<Measure> elbo_rows(const ElboEstimate& estimate) {
    std::vector<Measure> rows = {{"elbo", "ELBO", estimate.elbo, "nats"}};
    if (estimate.bits_per_dim) {
        rows.push_back({"bits_per_dim", "bits per dimension", *estimate.bits_per_dim, ""});
    }
    rows.push_back({"reconstruction", "reconstruction", estimate.reconstruction, "nats"});
    rows.push_back({"kl", "KL divergence", estimate.kl, "nats"});
    rows.push_back({"active_units", "active units", static_cast<double>(estimate.active_units),
                    "of " + std::to_string(estimate.kl_per_dimension.size())});
    return rows;
}

std::vector<Measure> likelihood_rows(const LikelihoodEstimate& estimate) {
    return {{"nll", "negative log-likelihood", estimate.nll,
             "nats (IWAE, " + std::to_string(estimate.samples) + " samples)"},
            {"nll_standard_error", "its standard error", estimate.standard_error, "nats"}};
}

std::vector<Measure> distance_rows(const VaeDistances& distances, const FeatureProtocol& protocol, std::int64_t count) {
    std::vector<Measure> rows;
    const auto add = [&](const std::string& key, const std::string& about, const FeatureDistances& of) {
        rows.push_back({key + "_frechet", "Frechet distance of " + about, of.frechet,
                        protocol.name("frechet", count, count), true});
        rows.push_back(
            {key + "_kernel", "kernel distance of " + about, of.kernel, protocol.name("kernel", count, count), true});
    };
    add("reconstruction", "reconstructions", distances.reconstructions);
    add("sample", "samples", distances.samples);
    return rows;
}

class Evaluate : public Program {
  public:
    std::string name() const override { return "vae evaluate"; }
    std::string description() const override {
        return "Measures a run on images: ELBO, likelihood by importance sampling, distances of features.";
    }
    std::string output_help() const override { return ""; }
    std::string examples() const override {
        return "examples:\n"
               "  vae evaluate run/ test/\n"
               "  vae evaluate digits/ mnist/ --images 0 --samples 500 --features none --json\n";
    }
    bool may_share() const override { return true; }
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_, std::string(kSourcesHelp) + "; of an IDX folder its test images");
        add_class_flag(input, run_);
        FlagGroup what(app, "What is measured");
        const OptionRange any{.low = 0, .wanted = "0 or more"};
        what.add("--images", count_, "N", "on so many of the images, chosen by --seed; 0: all", any);
        what.add("--samples", samples_, "K", "importance samples an image for the likelihood; 0: it is left out", any);
        what.add("--features", features_, "NAME", "whose features distances are measured in: " + features_help());
    }

    int run(Session& session) override {
        if (images_.empty()) {
            throw Error(ErrorKind::Usage, "no images are given; name files, folders or tars after RUN (see --help)");
        }
        const std::optional<NetworkWeights> weights = feature_weights(session, features_);
        const VaeRun run(session, run_);
        const ImageList images = run.images(images_).sample(count_, session.common().runtime.seed);
        const Ranks& ranks = session.ranks();
        session.save_config({});
        if (session.common().dry_run) {
            session.print(std::to_string(images.count()) + " images, " + std::to_string(samples_) +
                          " samples each, features of " + (weights ? weights->network : "no net"));
            return 0;
        }
        const ImageSource source = as_trained(run.vae(), run.source(images));
        const auto measured = [&](const std::string& label, const auto& work) {
            return with_progress(session, label, work);
        };
        const Posterior posterior =
            measured("", [&](const Hooks& hooks) { return encode_images(run.vae(), source, hooks, ranks); });
        const std::uint64_t seed = session.common().runtime.seed;
        const ElboEstimate elbo = measured(
            "", [&](const Hooks& hooks) { return estimate_elbo(run.vae(), source, posterior, seed, hooks, ranks); });
        std::vector<Measure> rows = elbo_rows(elbo);
        const auto add = [&](const std::vector<Measure>& more) { rows.insert(rows.end(), more.begin(), more.end()); };
        if (samples_ > 0) {
            add(likelihood_rows(measured("likelihood", [&](const Hooks& hooks) {
                return estimate_likelihood(run.vae(), source, posterior,
                                           {.samples = samples_, .seed = seed, .ranks = ranks}, hooks);
            })));
        }
        if (weights && images.count() >= 2) {
            Measuring measuring = measuring_with(session, *weights);
            const Latents drawn = drawn_latents(session, run, {}, first_seeds(images.count()), 1.0);
            add(distance_rows(measured("distances",
                                       [&](const Hooks& hooks) {
                                           return vae_distances(run.vae(), source, posterior, drawn.values,
                                                                drawn.labels, measuring.net, measuring.protocol, hooks,
                                                                ranks);
                                       }),
                              measuring.protocol, images.count()));
        }
        print(session, run, images, rows, elbo.kl_per_dimension);
        return 0;
    }

  private:
    /// `kl`: of each dimension, in nats.
    void print(Session& session, const VaeRun& run, const ImageList& images, const std::vector<Measure>& rows,
               const std::vector<double>& kl) const {
        if (session.common().json) {
            Json object = {{"run", run.path().string()},
                           {"weights", weights_word(run_.weights)},
                           {"images", images.count()},
                           {"samples", samples_},
                           {"likelihood", text_of(run.vae().options().likelihood.kind)},
                           {"seed", session.common().runtime.seed}};
            put(object, rows);
            object["kl_per_dimension"] = kl;
            session.print(json_text(object));
            return;
        }
        std::vector<std::vector<std::string>> cells = {{"images", std::to_string(images.count()), ""}};
        for (const Measure& row : rows) {
            cells.push_back(cells_of(row));
            if (row.key == "active_units") {
                cells.back()[1] = number_text(row.value);
            }
        }
        const auto [least, most] = std::minmax_element(kl.begin(), kl.end());
        cells.push_back({"KL of a dimension", measure_text(*least) + " to " + measure_text(*most), "nats"});
        session.print(render_table({"measure", "value", ""}, cells));
    }

    RunFlags run_{.program = "vae"};
    std::vector<std::string> images_;
    std::int64_t count_ = 1000;
    std::int64_t samples_ = 500;
    std::string features_ = "auto";
};

}  // namespace

std::unique_ptr<Program> vae_evaluate_command() { return std::make_unique<Evaluate>(); }

}  // namespace reverie
