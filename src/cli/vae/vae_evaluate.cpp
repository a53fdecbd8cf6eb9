// vae evaluate
#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "cli/frame/pieces.h"
#include "cli/frame/table.h"
#include "cli/runs/measures.h"
#include "cli/vae/vae_commands.h"
#include "cli/vae/vae_run.h"
#include "cli/vae/vae_sampler.h"
#include "core/json_text.h"
#include "reverie/cli/network_flags.h"
#include "reverie/core/noise.h"
#include "reverie/metrics/distances.h"
#include "reverie/metrics/importance.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/latent_space.h"

namespace reverie {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kNoiseStream = 0x6576616c;

/// Images as the model was trained on them.
Tensor prepared(const VaeRun& run, const ImageList& images, std::int64_t first, std::int64_t count) {
    const Tensor read = images.read(first, count);
    return run.vae().options().binarize ? binarized(read, images.indices(first, count)) : read;
}

Posterior encode(Session& session, const VaeRun& run, const ImageList& images) {
    std::vector<Tensor> means;
    std::vector<Tensor> variances;
    in_pieces(session, images.count(), "images", [&](std::int64_t first, std::int64_t count) {
        const Posterior part =
            run.vae().encode(prepared(run, images, first, count), run.labels_of(images, first, count));
        means.push_back(part.mean);
        variances.push_back(part.log_variance);
    });
    return {at::cat(means), at::cat(variances)};
}

/// ELBO at beta 1 and its parts, from one draw of the posterior an image.
std::vector<Measure> elbo_rows(Session& session, const VaeRun& run, const ImageList& images,
                               const Posterior& posterior) {
    const std::uint64_t seed = session.common().runtime.seed;
    double reconstruction = 0.0;
    in_pieces(session, images.count(), "images", [&](std::int64_t first, std::int64_t count) {
        const Tensor noise = normal_noise(seed, kNoiseStream, first, count, {run.dimensions()});
        const Tensor z = posterior.mean.narrow(0, first, count) +
                         at::exp(0.5 * posterior.log_variance.narrow(0, first, count)) * noise;
        const Tensor log_likelihood =
            run.vae().log_likelihood(z, prepared(run, images, first, count), run.labels_of(images, first, count));
        reconstruction -= log_likelihood.sum(at::kDouble).item<double>();
    });
    reconstruction /= static_cast<double>(images.count());
    const double kl = kl_per_dimension(posterior).sum(1).mean(0, false, at::kDouble).item<double>();
    const Tensor variance = posterior.mean.to(at::kDouble).var(0, /*unbiased=*/false);
    const auto active = static_cast<double>((variance > kActiveVariance).sum().item<std::int64_t>());
    const LikelihoodKind kind = run.vae().options().likelihood.kind;
    const VaeNetOptions& net = run.net();
    const auto values = static_cast<double>(net.channels * net.size.height * net.size.width);

    std::vector<Measure> rows = {{"elbo", "ELBO", -(reconstruction + kl), "nats"}};
    if (has_bits(kind)) {
        rows.push_back(
            {"bits_per_dim", "bits per dimension", bits_per_dimension(kind, reconstruction + kl, values), ""});
    }
    rows.push_back({"reconstruction", "reconstruction", reconstruction, "nats"});
    rows.push_back({"kl", "KL divergence", kl, "nats"});
    rows.push_back({"active_units", "active units", active, "of " + std::to_string(run.dimensions())});
    return rows;
}

LikelihoodEstimate importance(Session& session, const VaeRun& run, const ImageList& images, const Posterior& posterior,
                              std::int64_t samples) {
    const auto log_likelihood = [&](const Tensor& rows, const Tensor& z) {
        // Rows of a call lie close together, so an image is read once, not once a sample.
        const auto first = rows.min().item<std::int64_t>();
        const std::int64_t count = rows.max().item<std::int64_t>() - first + 1;
        const Tensor labels = run.labels_of(images, first, count);
        const Tensor local = rows - first;
        return run.vae().log_likelihood(z, prepared(run, images, first, count).index_select(0, local),
                                        labels.defined() ? labels.index_select(0, local) : labels);
    };
    session.console().begin("likelihood");
    const LikelihoodEstimate estimate =
        importance_nll(posterior.mean, posterior.log_variance, log_likelihood,
                       {.samples = samples, .seed = session.common().runtime.seed}, session.hooks());
    session.console().end();
    return estimate;
}

/// How far reconstructions and samples lie from the images.
std::vector<Measure> distance_rows(Session& session, const VaeRun& run, const ImageList& images,
                                   const Posterior& posterior, const NetworkWeights& weights) {
    FrozenNet net = load_net(session, weights);
    const FeatureProtocol protocol = feature_protocol(weights.network);
    const std::int64_t count = images.count();
    const Latents means{posterior.mean, run.labels_of(images, 0, count), {}};
    std::vector<std::uint64_t> seeds(static_cast<std::size_t>(count));
    std::iota(seeds.begin(), seeds.end(), 1);
    const Latents drawn = drawn_latents(session, run, {}, seeds, 1.0);

    const auto features = [&](const std::string& label, const auto& source) {
        return features_of(session, net, protocol, count, label, source);
    };
    const Tensor reals =
        features("images", [&](std::int64_t first, std::int64_t n) { return prepared(run, images, first, n); });
    std::vector<Measure> rows;
    const auto compare = [&](const std::string& key, const std::string& about, const Latents& latents) {
        const Tensor fakes =
            features(about, [&](std::int64_t first, std::int64_t n) { return run.decode(latents, first, n); });
        const KernelDistance kernel = kernel_distance(reals, fakes);
        rows.push_back({key + "_frechet", "Frechet distance of " + about, frechet_distance(reals, fakes),
                        protocol.name("frechet", count, count), true});
        rows.push_back({key + "_kernel", "kernel distance of " + about, kernel.value,
                        protocol.name("kernel", count, count), true});
    };
    compare("reconstruction", "reconstructions", means);
    compare("sample", "samples", drawn);
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
    void add_flags(CLI::App& app) override {
        FlagGroup input(app, "Input and output");
        reverie::add_flags(input, run_);
        input.add_positional("IMAGE", images_, std::string(kSourcesHelp) + "; of an IDX folder its test images");
        add_class_flag(input, run_);
        FlagGroup what(app, "What is measured");
        what.add("--images", count_, "N", "on so many of the images, chosen by --seed; 0: all");
        what.add("--samples", samples_, "K", "importance samples an image for the likelihood; 0: it is left out");
        what.add("--features", features_, "NAME", "whose features distances are measured in: " + features_help());
    }

    int run(Session& session) override {
        if (images_.empty()) {
            throw Error(ErrorKind::Usage, "no images are given; name files, folders or tars after RUN (see --help)");
        }
        if (count_ < 0 || samples_ < 0) {
            throw Error(ErrorKind::Usage,
                        (count_ < 0 ? "--images " + std::to_string(count_) : "--samples " + std::to_string(samples_)) +
                            " is out of range; wanted 0 or more");
        }
        const std::optional<NetworkWeights> weights = feature_weights(session, features_);
        const VaeRun run(session, run_);
        const ImageList images = run.images(images_).sample(count_, session.common().runtime.seed);
        session.save_config({});
        if (session.common().dry_run) {
            session.print(std::to_string(images.count()) + " images, " + std::to_string(samples_) +
                          " samples each, features of " + (weights ? weights->network : "no net"));
            return 0;
        }
        const Posterior posterior = encode(session, run, images);
        std::vector<Measure> rows = elbo_rows(session, run, images, posterior);
        if (samples_ > 0) {
            const LikelihoodEstimate estimate = importance(session, run, images, posterior, samples_);
            rows.push_back({"nll", "negative log-likelihood", estimate.nll,
                            "nats (IWAE, " + std::to_string(estimate.samples) + " samples)"});
            rows.push_back({"nll_standard_error", "its standard error", estimate.standard_error, "nats"});
        }
        if (weights && images.count() >= 2) {
            const std::vector<Measure> distances = distance_rows(session, run, images, posterior, *weights);
            rows.insert(rows.end(), distances.begin(), distances.end());
        }
        const Tensor kl = kl_per_dimension(posterior).to(at::kDouble).mean(0);
        print(session, run, images, rows, {kl.const_data_ptr<double>(), kl.const_data_ptr<double>() + kl.numel()});
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
