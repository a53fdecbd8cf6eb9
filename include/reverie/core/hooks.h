// How long work talks to its caller: progress and previews out, cancellation in. The library itself never prints.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "reverie/core/tensor.h"

namespace reverie {

/// A request to stop, set from anywhere (a signal handler included), looked at once a step.
class CancelToken {
  public:
    void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
    bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }

  private:
    static_assert(std::atomic<bool>::is_always_lock_free);
    std::atomic<bool> requested_ = false;
};

/// Where long work stands. The ETA is the caller's to compute: it sees every report and has the clock.
struct Progress {
    std::string stage;       ///< what is being done, e.g. "octave 2/4 640x480" or "downloading vgg19"
    double done = 0.0;       ///< in units of `total`, over all stages, weighted so that it grows evenly with time
    double total = 0.0;      ///< 0: unknown
    std::string unit = "";   ///< "steps", "bytes"; empty: a bare fraction
    double value = 0.0;      ///< the number worth watching (a loss), meaningful when `value_name` is not empty
    std::string value_name;  ///< e.g. "activation"
    double aside = 0.0;      ///< seconds of the time since the last report in which `done` could not grow: a pause
};

struct Hooks {
    std::function<void(const Progress&)> on_progress;                        ///< may be empty
    std::function<void(const Tensor& image, std::int64_t step)> on_preview;  ///< may be empty; image [3,H,W]
    std::function<void(const std::string& sentence)>
        on_warning;                       ///< may be empty; something the user should know, as Error::sentence()
    const CancelToken* cancel = nullptr;  ///< may be null

    bool cancelled() const noexcept { return cancel != nullptr && cancel->requested(); }
    void progress(const Progress& progress) const {
        if (on_progress) {
            on_progress(progress);
        }
    }
    void warn(const std::string& sentence) const {
        if (on_warning) {
            on_warning(sentence);
        }
    }
};

}  // namespace reverie
