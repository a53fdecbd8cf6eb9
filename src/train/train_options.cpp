#include <algorithm>
#include <cmath>
#include <string>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/train/loop.h"

namespace reverie {
namespace {

template <typename Number>
void require(bool holds, const std::string& flag, Number value, const std::string& wanted) {
    if (!holds) {
        throw Error(ErrorKind::Usage,
                    flag + " " + human_number(static_cast<double>(value)) + " is out of range; wanted " + wanted);
    }
}

bool at_least_zero(double value) { return std::isfinite(value) && value >= 0.0; }

}  // namespace

void validate(const TrainOptions& options) {
    require(options.steps >= 0, "--steps", options.steps, "a positive number");
    require(at_least_zero(options.epochs), "--epochs", options.epochs, "a positive number");
    if (options.steps == 0 && options.epochs == 0.0) {
        throw Error(ErrorKind::Usage, "neither --steps nor --epochs says how long to train; give one of them");
    }
    require(at_least_zero(options.seconds), "--time", options.seconds, "seconds, 0 (no limit) or more");
    require(options.batch >= 1, "--batch", options.batch, "at least 1");
    require(options.schedule.decay > 0.0 && options.schedule.decay <= 1.0, "--decay", options.schedule.decay,
            "above 0 and at most 1");
    require(options.schedule.warmup_steps >= 0, "--warmup", options.schedule.warmup_steps, "0 or more steps");
    require(at_least_zero(options.clip_norm), "--clip-norm", options.clip_norm, "0 (none) or more");
    require(at_least_zero(options.average_half_life), "--ema", options.average_half_life,
            "0 (no mean) or a half-life in images");
    require(options.log_every >= 1, "--log-every", options.log_every, "at least 1 step");
    require(options.preview_every >= 0, "--preview-every", options.preview_every, "0 (none) or a number of steps");
    require(options.validate_every >= 0, "--validate-every", options.validate_every, "0 (none) or a number of steps");
    require(at_least_zero(options.checkpoint_minutes), "--checkpoint-minutes", options.checkpoint_minutes,
            "0 (at every log line) or more");
    if (options.mixed_precision && !options.device.is_cuda()) {
        throw Error(ErrorKind::Usage,
                    "--mixed-precision needs a CUDA device: on the CPU it only costs accuracy; leave it out");
    }
}

std::int64_t planned_steps(const TrainOptions& options, std::int64_t images) {
    if (options.steps > 0) {
        return options.steps;
    }
    const double steps = std::ceil(options.epochs * static_cast<double>(images) / static_cast<double>(options.batch));
    constexpr double kMost = 1e15;  // exact in a double, and never reached
    require(steps <= kMost, "--epochs", options.epochs, "fewer");
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(steps));
}

std::int64_t run_bytes(std::int64_t weight_bytes, const TrainOptions& options, std::int64_t images) {
    // A checkpoint: weights, two moments, mean. At one time: two generations, one under construction.
    const double checkpoints = 3.0 * 4.0 * static_cast<double>(weight_bytes);
    const double exports = 4.0 * static_cast<double>(weight_bytes);  // last, mean, best, one under construction
    const auto steps = static_cast<double>(planned_steps(options, images));
    constexpr double kLineBytes = 2000;      // a log line, in metrics.jsonl, metrics.csv, timing.jsonl and events
    constexpr double kPreviewBytes = 300e3;  // a PNG, as a file, in the events and in the report
    const double lines = kLineBytes * steps / static_cast<double>(options.log_every);
    const double previews =
        options.preview_every > 0 ? kPreviewBytes * (1.0 + steps / static_cast<double>(options.preview_every)) : 0.0;
    return static_cast<std::int64_t>(checkpoints + exports + lines + previews);
}

}  // namespace reverie
