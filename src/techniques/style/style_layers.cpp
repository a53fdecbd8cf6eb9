#include "techniques/style/style_layers.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "reverie/image/resample.h"

namespace reverie {

std::vector<PictureLayer> layers_of(const FrozenNet& net, const std::vector<LayerWeight>& asked, Size picture,
                                    bool shares) {
    const std::vector<Size> sizes = sizes_of(net.graph(), picture);
    double sum = 0.0;
    for (const LayerWeight& layer : asked) {
        sum += layer.weight;
    }
    std::vector<PictureLayer> layers;
    for (const LayerWeight& one : asked) {
        const int node = find_tap(net.graph(), one.tap);
        const Tap tap = tap_of(net, one.tap);
        layers.push_back({one.tap, tap.stride, sizes[static_cast<std::size_t>(node)], tap.channels,
                          shares ? one.weight / sum : one.weight});
    }
    return layers;
}

Tensor cell_weights(const Tensor& mask, const PictureLayer& layer) {
    if (!mask.defined()) {
        return {};
    }
    const std::int64_t height = layer.cells.height * layer.stride;
    const std::int64_t width = layer.cells.width * layer.stride;
    const std::int64_t more_rows = std::max<std::int64_t>(0, height - mask.size(1));
    const std::int64_t more_columns = std::max<std::int64_t>(0, width - mask.size(2));
    const Tensor covered =
        more_rows + more_columns > 0 ? at::replication_pad2d(mask, {0, more_columns, 0, more_rows}) : mask;
    return resize(covered.narrow(1, 0, height).narrow(2, 0, width), layer.cells, Resample::Area).clamp(0.0, 1.0);
}

Tensor own_weights(const Tensor& weights, const CellSpan& rows, const CellSpan& columns) {
    return weights.defined()
               ? weights.narrow(1, rows.begin, rows.count).narrow(2, columns.begin, columns.count).reshape({-1})
               : Tensor();
}

OwnFeatures own_features(const Features& features, const PictureLayer& layer, const StyleTile& tile) {
    OwnFeatures own{own_cells(tile.rows, layer.stride, layer.cells.height),
                    own_cells(tile.columns, layer.stride, layer.cells.width),
                    {}};
    if (!own.empty()) {
        own.values = own_part(features.at(layer.tap), own.rows, own.columns);
    }
    return own;
}

}  // namespace reverie
