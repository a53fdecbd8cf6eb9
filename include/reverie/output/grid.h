// Many images as one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"

namespace reverie {

struct GridOptions {
    std::int64_t columns = 0;   ///< 0: as square as the images allow
    std::int64_t gap = 2;       ///< pixels between images and around them
    double background = 1.0;    ///< grey level of the gaps in [0,1]
    std::int64_t min_side = 0;  ///< images whose longest side is shorter are enlarged by a whole factor (nearest)
};

/// [N,C,H,W] with 1, 3 or 4 channels in [0,1] (any device; clamped) -> RGB [3,H',W'], or RGBA [4,H',W'] for 4. Throws
/// Usage for no images.
Tensor image_grid(const Tensor& images, const GridOptions& options = {});

/// The size of that sheet, of `count` images.
Size grid_size(std::int64_t count, Size image, const GridOptions& options = {});

/// An image [1|3|4,H,W] with a line above it that says what it is, on white: [3,H',W]; what is too long ends in "...".
Tensor captioned(const Tensor& image, const std::string& caption);
/// The size it then has.
Size captioned_size(Size image);

/// [C,H,W] with 1 or 3 channels as RGB; with 4 composited on white. Throws Usage for others.
Tensor to_rgb(const Tensor& image);
/// The same for [N,C,H,W].
Tensor images_to_rgb(const Tensor& images);

/// Pairs of [N,C,H,W] sets as rows of a sheet: a's first `columns`, b's first, a's next, b's next ... for
/// originals above reconstructions. All sets have one shape; a last row that is short is filled with white, so every
/// row has `columns` images. On the CPU.
Tensor interleave_rows(const std::vector<Tensor>& sets, std::int64_t columns);

}  // namespace reverie
