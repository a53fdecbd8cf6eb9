// How large an image is.
#pragma once

#include <cstdint>
#include <string>

#include "reverie/core/tensor.h"

namespace reverie {

/// Of an image, in pixels; of a map of features, in cells.
struct Size {
    std::int64_t height = 0;
    std::int64_t width = 0;
    bool operator==(const Size&) const = default;
};

/// The size of an image [...,H,W].
Size size_of(const Tensor& image);

/// "640x480": width first, as people say it.
std::string text_of(Size size);

}  // namespace reverie
