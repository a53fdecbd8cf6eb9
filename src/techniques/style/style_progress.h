// Private: how a scale of style transfer ends, and what is shown of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// The losses of one scale, and whether they still fall.
class Plateau {
  public:
    explicit Plateau(std::int64_t patience) : patience_(static_cast<std::size_t>(patience)) {}
    /// A scalar on any device, read back when somebody looks.
    void add(const Tensor& loss);
    /// The last `patience` losses' mean is less than 1 % below that of as many before.
    bool reached();
    /// What reached() looks at, exact.
    std::string text();
    void restore(const std::string& text);

  private:
    void read();

    std::size_t patience_;
    std::vector<double> losses_;  // the last 2 * patience
    std::vector<Tensor> unread_;  // those after them
};

/// The exponential mean of a scale's images, the weight of its empty start taken out (Kingma, Ba 2015, section 7.2).
class RunningMean {
  public:
    explicit RunningMean(double decay) : decay_(decay) {}
    void add(const Tensor& image);
    /// `image` itself while there is no mean.
    Tensor value(const Tensor& image) const;

    const Tensor& sum() const noexcept { return sum_; }
    std::int64_t count() const noexcept { return count_; }
    void restore(const Tensor& sum, std::int64_t count);

  private:
    double decay_;
    Tensor sum_;
    std::int64_t count_ = 0;
};

}  // namespace reverie
