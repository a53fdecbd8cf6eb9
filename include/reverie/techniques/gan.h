// Training a DCGAN, and a trained one at work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/metrics/features.h"
#include "reverie/models/gan.h"
#include "reverie/techniques/augment.h"
#include "reverie/techniques/gan_loss.h"
#include "reverie/train/loop.h"
#include "reverie/train/run_weights.h"
#include "reverie/train/task.h"

namespace reverie {

struct GanOptions {
    GanNetOptions net;
    GanLoss loss = GanLoss::NonSaturating;
    LabelRange real_labels = {1.0, 1.0};
    LabelRange fake_labels = {0.0, 0.0};
    double r1 = 0.0;                ///< gamma of R1 (Mescheder et al. 2018)
    std::int64_t r1_every = 16;     ///< steps; its weight is multiplied by them (lazily: Karras et al. 2020)
    double gradient_penalty = 0.0;  ///< lambda of WGAN-GP
    OptimizerOptions generator;
    OptimizerOptions discriminator;
    std::int64_t critic_steps = 1;  ///< discriminator's steps for each of the generator's
    AugmentKinds augment;           ///< none: not augmented
    double augment_probability = 0.0;
    /// Above 0: the probability follows the share of reals that the discriminator is sure of, E sign(D(x)), and holds
    /// it here (Karras et al. 2020: 0.6); augment_probability is where it begins.
    double augment_target = 0.0;
    double augment_images = 0.0;  ///< images it takes to go from 0 to 1
    // What published recipes do and ours does not:
    bool fresh_latents = false;        ///< the generator's step draws latents of its own
    bool separate_batches = false;     ///< reals and fakes go through the discriminator one after the other: batch norm
                                       ///< sees them apart
    double discriminator_scale = 1.0;  ///< of its loss: 0.5 for the mean over reals and fakes together
    double discriminator_rest = -std::numeric_limits<double>::infinity();  ///< no step when its loss is no more
    double generator_rest = -std::numeric_limits<double>::infinity();
};

/// A published recipe, or one of ours for that kind and number of images. `name`: reverie, projected, chollet2e,
/// chollet1e, pytorch, pytorch-cpp, koba-jon. Throws Usage for another.
struct GanRecipe {
    GanOptions options;
    TrainOptions training;
};
GanRecipe gan_recipe(const std::string& name, Size size, std::int64_t channels, std::int64_t images);
std::vector<std::string> gan_recipes();

/// The options of a GAN that people are to choose, each declared once.
const OptionTable<GanOptions>& gan_option_table();

/// Throws Usage, naming the option.
void validate(const GanOptions& options);

/// What exported weights say of themselves: the net's notes and "program" ("gan").
std::map<std::string, std::string> to_metadata(const GanOptions& options);

/// The net, by its catalogue name, that the discriminator looks through; empty: it looks at images.
std::string looked_through(const GanNetOptions& options);

/// How samples are measured while training goes on.
struct GanMeasure {
    std::shared_ptr<FrozenNet> net;  ///< null: not measured
    FeatureProtocol protocol;
    std::int64_t samples = 1000;  ///< fakes; the reals are what validate() is given
    /// The reals' features: kept from earlier, or what `make` makes of them now. May be empty: made in every run.
    std::function<Tensor(const std::function<Tensor()>& make)> reals_features;
};

/// Trains. Phases "discriminator" and "generator"; logs "loss" of both, real_score and fake_score (D(x) and D(G(z)) as
/// probabilities, or raw for hinge and Wasserstein), r1, augment_probability, overfit (E sign(D(x))).
class GanTask : public TrainTask {
  public:
    /// `start`: weights to begin from (--init-from), else empty; throws Input, naming the first that does not fit. Of a
    /// projected run they are the generator's alone. `projector`: the frozen net that a projected discriminator looks
    /// through, with its projections (nn/projector.h), for this task alone; null for other discriminators.
    GanTask(const GanOptions& options, std::uint64_t seed, c10::Device device, const GanMeasure& measure,
            const NamedTensors& start = {}, std::shared_ptr<FrozenNet> projector = nullptr);
    ~GanTask() override;
    std::vector<Phase> phases() override;
    void begin_as_later() override;  ///< augments
    NamedTensors state() override;
    std::vector<std::string> added_later() const override;
    NamedTensors averaged() override;  ///< the generator's
    std::map<std::string, std::string> metadata() const override;
    /// frechet (the metric), kernel, precision, recall, diversity of samples from seeds fixed for ever against
    /// `batches` (metrics/sample_quality.h). Warns of a collapse: see collapse_warning. Throws Cancelled.
    Scalars validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) override;
    std::string metric() const override { return "frechet"; }
    Tensor preview() override;
    std::vector<ReportPicture> pictures(const Tensor& reals) override;
    std::int64_t generator_parameters() const;
    std::int64_t discriminator_parameters() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A trained generator. Work is done in batches of one fixed size (the last padded), so what a latent gives does not
/// depend on its neighbours.
class Gan {
  public:
    Gan(const GanNetOptions& options, const NamedTensors& weights, c10::Device device);
    const GanNetOptions& options() const;
    /// [N,latent] -> images [N,C,H,W] in [0,1], on the CPU. `labels` for a conditional net (empty: class 0).
    Tensor generate(const Tensor& latents, const Tensor& labels = {}) const;

    /// Whether the generator's layouts can be truncated: a fastgan's, for which all latents lie equally far out.
    bool has_layouts() const;
    /// The same generator, but layouts keep only `share` (0 or more) of what sets them apart from the mean one: below 1
    /// more usual images, less variety. The truncation of StyleGAN (Karras et al. 2019) in the coarsest maps, less what
    /// is the same in all of their places (how light an image is), with the norms behind them measured anew (the
    /// standing statistics of BigGAN, Brock et al. 2019), for images would lose contrast. Takes as long as some
    /// hundred images. Throws Usage without layouts, Cancelled.
    Gan with_truncated_layouts(double share, const Hooks& hooks = {}) const;

  private:
    struct State;
    explicit Gan(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

/// Reads a run folder (or a weights file); see train/run_weights.h for what it throws.
Gan load_gan(const std::filesystem::path& run, RunWeights which, c10::Device device);

}  // namespace reverie
