// The one loop that optimises pixels.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/tensor.h"
#include "reverie/optimize/gradient_transform.h"

namespace reverie {

/// What an image is improved by: lower is better.
class Objective {
  public:
    virtual ~Objective() = default;
    /// The value and its gradient at `image` [3,H,W]; `step` counts from 0 and keys any randomness. The value is a
    /// scalar tensor, so that nothing is read back from a device unless the loop reports it.
    virtual Tensor value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) = 0;
};

/// How a gradient becomes a step.
class StepRule {
  public:
    virtual ~StepRule() = default;
    /// The next image; the gradient points uphill, the step goes down.
    virtual Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) = 0;
};

/// Steps of a fixed root mean square, whatever the size of gradient and image: a dream looks the same at any
/// resolution.
struct NormalizedStepOptions {
    double step_size = 0.02;  ///< root mean square of the first step, in units of [0,1]
    double decay = 0.0;       ///< the last step is (1 - decay) of the first, linearly
    std::int64_t steps = 1;   ///< over which it decays
    double headroom =
        0.0;  ///< a value nearer than this to the bound it moves to slows down in proportion; 0: it is cut
};

class NormalizedStep final : public StepRule {
  public:
    explicit NormalizedStep(const NormalizedStepOptions& options) : options_(options) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;

  private:
    NormalizedStepOptions options_;
};

/// Steps of another rule that fade over a stretch of work, so that none of them leaves its own trace in the end: what
/// Adam adds to an image where its gradient is next to nothing is as large as anywhere else.
class FadingStep final : public StepRule {
  public:
    struct Options {
        double decay = 0.0;      ///< the last step is (1 - decay) of what the rule says, the first all of it; linearly
        std::int64_t steps = 1;  ///< over which it fades
    };
    /// `rule` must outlive it.
    FadingStep(StepRule& rule, const Options& options) : rule_(rule), options_(options) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;

  private:
    StepRule& rule_;
    Options options_;
};

/// What a loop's caller may look at after a step.
struct StepReport {
    const Tensor& image;    ///< as stepped and, unless the loop does not, clamped
    const Tensor& value;    ///< the objective's, before the step: scalar
    std::int64_t step = 0;  ///< counts from 0
    bool reads = true;      ///< the loop reads values back after this step; elsewhere a GPU should not be waited for
};

struct ImageLoopOptions {
    std::int64_t steps = 1;
    std::int64_t first_step = 0;  ///< steps already done, by a run that this one goes on from
    /// Called with the value that a step would start from; true ends the loop without that step. May be empty.
    std::function<bool(const Tensor& value)> enough;
    /// Called after every step, before progress and previews; false ends the loop. May be empty.
    std::function<bool(const StepReport&)> observe;
    /// What previews show instead of the image. May be empty.
    std::function<Tensor(const Tensor& image)> shown;
    std::int64_t preview_every = 0;  ///< 0: none
    bool clamp = true;               ///< every step's result to [0,1]
    /// Steps from one reading of values (finite? how far?) to the next; 0: every step on the CPU, every 10th elsewhere,
    /// where each reading makes the host wait for the device.
    std::int64_t read_every = 0;
    std::string stage;         ///< for progress
    double done_before = 0.0;  ///< progress units already done in earlier stages
    double per_step = 1.0;     ///< progress units of one step
    double total = 0.0;        ///< of all stages
    std::string unit = "steps";
    std::string value_name = "loss";
    double value_sign = 1.0;  ///< -1 shows an objective that is maximised with its own sign
};

struct LoopResult {
    Tensor image;
    std::int64_t steps = 0;  ///< done, those before `first_step` included
    bool cancelled = false;
};

/// Throws Usage unless the image, whose values are within [0,1] or not far from it, is made of numbers; `steps`: how
/// many made it.
void require_numbers(const Tensor& image, std::int64_t steps);

/// Improves `initial`, float32 [3,H,W], step by step: objective, transforms in order, step rule, clamp to [0,1].
/// Cancelling ends it after the step at hand with what is there. Progress is reported whenever values are read,
/// previews at their own steps. Throws Usage for another kind of `initial`, and at the first reading after which the
/// image is not all finite, before `observe` sees it, a preview shows it or it is returned: the steps are too large.
LoopResult minimize_image(Tensor initial, Objective& objective, const std::vector<GradientTransform>& transforms,
                          StepRule& rule, const ImageLoopOptions& options, const Hooks& hooks = {});

}  // namespace reverie
