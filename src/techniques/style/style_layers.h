// Private: layers of a net over a picture, and what a tile answers for of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/nn/layer_weight.h"
#include "techniques/style/style_tiles.h"

namespace reverie {

/// A layer asked for, and its feature map over the whole picture.
struct PictureLayer {
    std::string tap;
    std::int64_t stride = 1;
    Size cells;
    std::int64_t channels = 0;
    double weight = 0.0;
};

/// `shares`: weights that sum to 1.
std::vector<PictureLayer> layers_of(const FrozenNet& net, const std::vector<LayerWeight>& asked, Size picture,
                                    bool shares);

/// A mask [1,H,W] brought down to a layer's cells, each the mean of its own pixels (the last few rows and columns of an
/// odd side have no cell or, where a net pads them, one that reaches beyond the border); undefined stays so.
Tensor cell_weights(const Tensor& mask, const PictureLayer& layer);
/// A tile's own part of such weights, one for each of its rows; undefined stays so.
Tensor own_weights(const Tensor& weights, const CellSpan& rows, const CellSpan& columns);

/// The cells of a layer that a tile answers for.
struct OwnFeatures {
    CellSpan rows, columns;
    Tensor values;  ///< [1,C,h,w]
    bool empty() const { return rows.count == 0 || columns.count == 0; }
};
OwnFeatures own_features(const Features& features, const PictureLayer& layer, const StyleTile& tile);

}  // namespace reverie
