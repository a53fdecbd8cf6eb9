// Training a VAE, and a trained one at work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/models/vae.h"
#include "reverie/techniques/likelihood.h"
#include "reverie/train/loop.h"
#include "reverie/train/run_weights.h"
#include "reverie/train/task.h"

namespace reverie {

struct VaeOptions {
    VaeNetOptions net;
    LikelihoodOptions likelihood;
    OptimizerOptions optimizer;
    double beta = 1.0;           ///< weight of the KL divergence (Higgins et al. 2017)
    bool beta_average = false;   ///< KL averaged over latent dimensions, not summed (chollet2e)
    double kl_warmup = 0.0;      ///< share of the planned steps over which beta grows from 0
    std::int64_t kl_cycles = 0;  ///< that many such ramps, each half its cycle (Fu et al. 2019); 0: one warm-up
    double free_bits = 0.0;      ///< nats per latent dimension below which KL costs nothing (Kingma et al. 2016)
    bool binarize = false;       ///< images become 0 or 1 once, by Bernoulli sampling with seed 0, training and test
};

/// A published recipe or the default for data of that kind: net, likelihood, optimiser, batch, steps, schedule,
/// averaging. `name`: reverie, chollet2e, pytorch, antixk. Throws Usage for another.
struct VaeRecipe {
    VaeOptions options;
    TrainOptions training;
};
VaeRecipe vae_recipe(const std::string& name, Size size, std::int64_t channels);
std::vector<std::string> vae_recipes();

/// The options of a VAE that people are to choose, each declared once.
const OptionTable<VaeOptions>& vae_option_table();

/// Throws Usage, naming the option.
void validate(const VaeOptions& options);

/// What exported weights say of themselves: the net's notes (see to_metadata of VaeNetOptions), "program" ("vae"),
/// "likelihood" and "binarize". Back: options with these filled in. The latter throws Input for notes of something
/// else.
std::map<std::string, std::string> to_metadata(const VaeOptions& options);
VaeOptions vae_options(const std::map<std::string, std::string>& metadata);

/// What KL counts at a step.
double beta_at(const VaeOptions& options, std::int64_t step, std::int64_t total);

/// KL(q || N(0,1)) per dimension: [N, latent].
Tensor kl_per_dimension(const Posterior& posterior);

/// A dimension is active when its posterior mean varies by more than this over images (Burda et al. 2016).
inline constexpr double kActiveVariance = 0.01;

/// Static binarisation: pixel p of image `index` is 1 where a uniform number of (seed 0, index, p) is below its grey
/// level.
Tensor binarized(const Tensor& images, const Tensor& indices);

/// Trains. Logs elbo (nats), bits_per_dim, reconstruction, kl, active_units, beta, scale.
class VaeTask : public TrainTask {
  public:
    /// `perceptual`: the net for that likelihood, else null. `start`: weights to begin from (--init-from), else empty;
    /// throws Input, naming the first tensor that does not fit.
    VaeTask(const VaeOptions& options, std::uint64_t seed, c10::Device device, std::shared_ptr<FrozenNet> perceptual,
            const NamedTensors& start = {});
    ~VaeTask() override;
    std::vector<Phase> phases() override;
    NamedTensors state() override;
    NamedTensors averaged() override;
    std::map<std::string, std::string> metadata() const override;
    /// elbo, bits_per_dim, reconstruction, kl, active_units (dimensions whose posterior mean varies by more than 0.01
    /// over the images; Burda et al. 2016), loss (-elbo at beta 1: the metric). Throws Cancelled.
    Scalars validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) override;
    std::string metric() const override { return "loss"; }
    Tensor preview() override;
    std::vector<ReportPicture> pictures(const Tensor& reals) override;
    std::int64_t parameters() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A trained VAE. Latents are flat: [N, D]. Work is done in batches of one fixed size (the last padded), so what an
/// image or latent gives does not depend on its neighbours: the same bytes always on the same machine and threads.
class Vae {
  public:
    Vae(const VaeOptions& options, const NamedTensors& weights, c10::Device device);
    const VaeOptions& options() const;
    std::int64_t dimensions() const;  ///< D
    /// [N,C,H,W] in [0,1] -> posterior [N,D] each, on the CPU.
    Posterior encode(const Tensor& images, const Tensor& labels = {}) const;
    /// [N,D] -> images [N,C,H,W] in [0,1], on the CPU. `labels` for a conditional net (empty: class 0).
    Tensor decode(const Tensor& latents, const Tensor& labels = {}) const;
    /// log p(x | z) [N] for latents [N,D] and images.
    Tensor log_likelihood(const Tensor& latents, const Tensor& images, const Tensor& labels = {}) const;
    bool likelihood_is_probability() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Reads a run folder (or a weights file). Throws Input for what is no VAE run, naming the path; see also
/// train/run_weights.h.
Vae load_vae(const std::filesystem::path& run, RunWeights which, c10::Device device);

}  // namespace reverie
