// Private: the styles, and what a picture's regions should look like at each scale.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/style.h"
#include "techniques/style/style_objective.h"

namespace reverie {

/// A picture at one scale.
struct StyleScene {
    Tensor content;             ///< [3,H,W]
    Tensor counted;             ///< [1,H,W]: how much of each pixel counts; undefined: all
    std::vector<Tensor> masks;  ///< one per style, or empty
};

/// Measures the styles once per scale, for all pictures. Several threads may ask at once, each with its own net.
class StyleTargets {
  public:
    /// Throws Usage without styles, Input for one below the net's minimum.
    StyleTargets(const FrozenNet& net, std::vector<StyleSource> styles, const StyleOptions& options);

    const std::vector<StyleSource>& styles() const noexcept { return styles_; }

    /// `full`: the picture at the size of the result, whose colours styles may be matched to. `tile`: as planned.
    /// `net`: of the constructor's graph and weights.
    std::vector<StyleRegion> regions(FrozenNet& net, const StyleScene& scene, const StyleScene& full,
                                     std::int64_t tile);

  private:
    std::vector<StyleMoments> styles_at(FrozenNet& net, Size scale, std::int64_t tile, const StyleScene& full);
    std::vector<StyleMoments> measure_styles(FrozenNet& net, Size scale, std::int64_t tile,
                                             const StyleScene& full) const;
    Tensor style_image(const Tensor& image, const StyleScene& full) const;
    StyleMoments blend(const std::vector<StyleMoments>& styles, double enlargement) const;

    std::vector<StyleSource> styles_;
    const StyleOptions& options_;
    std::int64_t least_;                 // the net's minimum side
    std::vector<std::int64_t> strides_;  // of the style layers
    std::mutex measuring_;               // who comes second waits for what the first measures
    /// By the content's size (only its longest side matters, except to Chollet2e) and the tile.
    std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::vector<StyleMoments>> measured_;
};

}  // namespace reverie
