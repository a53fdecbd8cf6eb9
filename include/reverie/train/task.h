// What a training task tells the loop: which weights, which losses, what to show. The loop does the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/tensor.h"
#include "reverie/data/batches.h"
#include "reverie/distributed/ranks.h"
#include "reverie/output/records.h"
#include "reverie/output/report.h"
#include "reverie/train/optimizer.h"

namespace reverie {

/// All that a loss may depend on beside the weights: so a step can be repeated to the bit. The loss is a mean over the
/// batch's images; what depends on all images of a step in another way is to be asked of the ranks.
struct StepInput {
    const Batch& batch;  ///< images and labels on the device, indices on the CPU
    std::int64_t step = 0;
    std::int64_t total = 0;  ///< planned steps
    std::uint64_t seed = 0;  ///< changes after a rollback
    Ranks ranks = {};        ///< each has a part of the step's images, as many as the others
};

/// Collects scalars worth logging beside the loss, which is logged as "loss" anyway. They stay on the device, detached,
/// until a logging step reads their means.
class StepLog {
  public:
    void add(const std::string& name, const Tensor& scalar) { values_.emplace_back(name, scalar.detach()); }
    const std::vector<std::pair<std::string, Tensor>>& values() const noexcept { return values_; }

  private:
    std::vector<std::pair<std::string, Tensor>> values_;
};

/// One optimiser and what it makes smaller. Phases of a step run in order; gradients are taken for the phase's own
/// parameters alone.
struct Phase {
    std::string name;  ///< "vae", "discriminator": names the optimiser's state in checkpoints
    NamedTensors parameters;
    OptimizerOptions optimizer;
    std::int64_t every = 1;                                            ///< run in steps divisible by it
    std::int64_t period = 1;                                           ///< steps after which its costs repeat
    double rests_at = -std::numeric_limits<double>::infinity();        ///< no update when the loss is no more than this
    std::function<Tensor(const StepInput& input, StepLog& log)> loss;  ///< a differentiable scalar
};

class TrainTask {
  public:
    virtual ~TrainTask() = default;

    /// Asked for by who takes steps: once for a run, and once before it to measure some.
    virtual std::vector<Phase> phases() = 0;
    /// Before steps are measured that are not kept: brings on what will make later ones dearer than the first.
    virtual void begin_as_later() {}

    /// Everything the task's next step depends on beside optimisers: weights and buffers, by the names of the exported
    /// file. The tensors themselves (restored in place).
    virtual NamedTensors state() = 0;
    /// Names of state() that checkpoints of earlier versions lack: a run that goes on from one keeps their first
    /// values.
    virtual std::vector<std::string> added_later() const { return {}; }
    /// The part of state() that is kept as a running mean too, and exported.
    virtual NamedTensors averaged() = 0;

    /// Notes that go into exported weights, enough to build the net again: read by the programs' other commands.
    virtual std::map<std::string, std::string> metadata() const = 0;

    /// Numbers about the weights now in place on images never trained on, of which all ranks have the same. Called
    /// without autograd, by all ranks.
    virtual Scalars validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) = 0;
    /// The name among validate()'s that says which state is best, less being better; empty: none.
    virtual std::string metric() const { return ""; }

    /// One picture of the weights now in place from noise fixed for ever, [3,H,W]. Without autograd.
    virtual Tensor preview() = 0;
    /// Larger pictures for the report: reals beside reconstructions or fakes. `reals` [N,C,H,W] in [0,1] on the device.
    virtual std::vector<ReportPicture> pictures(const Tensor& reals) = 0;
};

}  // namespace reverie
