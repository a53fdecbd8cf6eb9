// Private: what it costs to leave the content, as a net's layers see it.
#pragma once

#include <string>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/style.h"
#include "techniques/style/style_layers.h"
#include "techniques/style/style_tiles.h"

namespace reverie {

/// The distances of a picture's features to the content's, weighted, over some layers of one net.
class ContentTerms {
  public:
    /// `asked` and `weight`: the layers and what they count together. `content` [3,H,W]; `counted` [1,H,W] in [0,1]:
    /// where it counts (undefined: everywhere); `tiles`: as the objective has them, the net's own geometry.
    ContentTerms(FrozenNet& net, const std::vector<LayerWeight>& asked, double weight, StylePreset preset,
                 const Tensor& content, const Tensor& counted, const std::vector<StyleTile>& tiles);

    std::vector<std::string> taps() const;
    bool asks(const std::string& tap) const;

    /// Adds what a tile's own cells cost to `loss`, a float64 scalar, and its gradient to `seeds`, by tap, if any.
    void add(const Features& features, const StyleTile& tile, Tensor& loss, Features* seeds) const;

  private:
    struct Term {
        PictureLayer layer;
        Tensor target;   // [1,C,h,w]
        Tensor weights;  // [1,h,w]; undefined: all 1
        double factor = 0.0;
    };
    std::vector<Term> terms_;
};

}  // namespace reverie
