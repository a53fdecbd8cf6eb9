#include <algorithm>
#include <cmath>
#include <numbers>

#include "reverie/train/optimizer.h"

namespace reverie {

double rate_at(const ScheduleOptions& options, std::int64_t step, std::int64_t total, std::int64_t steps_per_epoch) {
    const auto ratio = [](std::int64_t part, std::int64_t whole) {
        return whole > 0 ? std::clamp(static_cast<double>(part) / static_cast<double>(whole), 0.0, 1.0) : 1.0;
    };
    const double warmup = ratio(step, options.warmup_steps);
    const std::int64_t epoch = step / std::max<std::int64_t>(1, steps_per_epoch);
    switch (options.kind) {
        case Schedule::Constant:
            return warmup;
        case Schedule::Cosine: {
            const double done =
                step < options.warmup_steps ? 0.0 : ratio(step - options.warmup_steps, total - options.warmup_steps);
            return warmup * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
        }
        case Schedule::Exponential:
            return warmup * std::pow(options.decay, static_cast<double>(epoch));
    }
    return warmup;
}

}  // namespace reverie
