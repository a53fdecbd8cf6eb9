// The weights of a separable resampling, one axis at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "reverie/image/resample.h"

namespace reverie::image {

/// Which input samples each output sample of one axis is made of, and how much of each.
struct Axis {
    std::int64_t inputs = 0;
    std::int64_t outputs = 0;
    std::int64_t most = 0;            // the widest row of weights
    std::vector<std::int64_t> first;  // per output
    std::vector<std::int64_t> count;
    std::vector<double> weights;  // [outputs, most]

    const double* row(std::int64_t output) const { return weights.data() + output * most; }
};

Axis make_axis(std::int64_t inputs, std::int64_t outputs, Resample filter);

/// Both passes as matrix products, for devices without our loops.
Tensor resize_by_matrices(const Tensor& image, const Axis& vertical, const Axis& horizontal);

}  // namespace reverie::image
