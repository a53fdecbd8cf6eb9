// Private: sums that were taken part by part, each in float.
#pragma once

#include <cstdint>

namespace reverie::kernels {

/// out[i] = the sum of part[i] over all parts, which lie `stride` floats apart, for i from `begin` to `end`: in
/// float64, in the order of the parts. `out` may be the first of them.
inline void add_parts(const float* first, std::int64_t parts, std::int64_t stride, std::int64_t begin, std::int64_t end,
                      float* out) {
    for (std::int64_t i = begin; i < end; ++i) {
        double sum = 0.0;
        for (std::int64_t part = 0; part < parts; ++part) {
            sum += static_cast<double>(first[part * stride + i]);
        }
        out[i] = static_cast<float>(sum);
    }
}

}  // namespace reverie::kernels
