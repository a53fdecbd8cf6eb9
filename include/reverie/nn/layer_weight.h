// A layer of a net and how much it counts.
#pragma once

#include <string>

namespace reverie {

struct LayerWeight {
    std::string tap;      ///< any name the net knows, e.g. "Mixed_6c", "relu4_2", "block10"
    double weight = 1.0;  ///< relative to the other layers'
    bool operator==(const LayerWeight&) const = default;
};

}  // namespace reverie
