// Images that are read when they are needed, a piece at a time: what measuring and encoding work on, wherever the
// images come from.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/data/dataset.h"

namespace reverie {

struct ImageSource {
    /// Of the images `first` ... `first + count - 1`.
    using Read = std::function<Tensor(std::int64_t first, std::int64_t count)>;

    std::int64_t count = 0;
    Read images;   ///< float32 [count,C,H,W] in [0,1]
    Read labels;   ///< int64 [count], or an undefined tensor: no image has one; may be empty, which means the same
    Read indices;  ///< int64 [count]: their numbers in the set they are of; may be empty: first, first + 1, ...

    /// Undefined: none.
    Tensor labels_of(std::int64_t first, std::int64_t count) const;
    Tensor indices_of(std::int64_t first, std::int64_t count) const;
};

/// The images `indices` of a set, in that order.
ImageSource image_source(const Dataset& set, std::vector<std::int64_t> indices);
/// All of it.
ImageSource image_source(const Dataset& set);

/// At most `wanted` of the numbers 0 ... count-1, chosen by `seed`, sorted; 0: all.
std::vector<std::int64_t> sample_indices(std::int64_t count, std::int64_t wanted, std::uint64_t seed);

}  // namespace reverie
