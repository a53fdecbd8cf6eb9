// What a Dataset holds, for those who read it without a copy in between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/names.h"
#include "data/random_file.h"
#include "reverie/data/dataset.h"

namespace reverie::data {

/// Decoded images of one shape: in memory, or in a file.
struct Pixels {
    Size size;
    std::int64_t channels = 0;
    std::int64_t count = 0;
    Tensor memory;                           ///< uint8 [N,C,H,W]; undefined: they are in `file`
    std::shared_ptr<const RandomFile> file;  ///< image after image from `start` on
    std::int64_t start = 0;

    std::int64_t image_bytes() const noexcept { return channels * size.height * size.width; }
    /// The image's bytes [C,H,W]: where they lie, or read into `scratch`, which has room for one image.
    const std::uint8_t* image(std::int64_t index, std::uint8_t* scratch) const;
};

struct DatasetState {
    Pixels pixels;
    Names names;
    std::vector<std::string> classes;  ///< sorted
    std::vector<std::int32_t> labels;  ///< empty: none has one
    std::vector<SkippedFile> skipped;
    std::int64_t sidecars = 0;
    std::string digest;

    /// What a set holds, and the set that holds this.
    static const DatasetState& of(const Dataset& set) { return *set.state_; }
    static Dataset as_dataset(std::shared_ptr<const DatasetState> state) { return Dataset(std::move(state)); }
};

}  // namespace reverie::data
