// What is logged, summed on the device from one log line to the next, and whether all of it was finite.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/distributed/ranks.h"
#include "reverie/output/records.h"
#include "reverie/train/optimizer.h"

namespace reverie {

/// Nothing is read back from the device before healthy() or take().
class IntervalLog {
  public:
    /// `alone`: there is one rank, whose sums are never folded: they go on from the same bits after a stop.
    explicit IntervalLog(c10::Device device, bool alone = true);

    void add(const std::string& name, const Tensor& scalar);

    /// From now on healthy() is false if `scalar` is no finite number.
    void watch(const Tensor& scalar);
    bool healthy() const;

    /// Collective: takes what came since the last call together, the mean of all ranks.
    void fold(const Ranks& ranks);

    /// The means of what was folded since the last call, in the order in which the names first came.
    Scalars take();

    /// What was folded, so that an interval survives its process.
    NamedTensors state() const;
    /// Also makes it healthy again.
    void restore(const NamedTensors& state);

  private:
    struct Sum {
        std::string name;
        Tensor sum;  ///< float64 scalar
        std::int64_t count = 0;
    };

    c10::Device device_;
    bool alone_;
    std::vector<Sum> sums_;
    std::vector<Sum> folded_;
    Tensor health_;  ///< 0, or no number for ever
};

}  // namespace reverie
