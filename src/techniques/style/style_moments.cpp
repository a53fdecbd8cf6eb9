#include "techniques/style/style_moments.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <string>

#include "techniques/style/pixel_bands.h"
#include "techniques/style/style_layers.h"
#include "techniques/style/style_tiles.h"

namespace reverie {
namespace {

Moments pixel_moments(const Tensor& image, const Tensor& mask) {
    Moments moments;
    for_each_band(image, [&](const Tensor& rows, std::int64_t y, std::int64_t count) {
        moments.add(rows, band_weights(mask, y, count));
    });
    return moments.means();
}

}  // namespace

StyleMoments measure_style(FrozenNet& net, const StyleOptions& options, const Tensor& image, const Tensor& mask,
                           std::int64_t tile) {
    const c10::NoGradGuard no_grad;
    const std::vector<std::string> taps = taps_of(options.style_layers);
    const std::vector<PictureLayer> layers = layers_of(net, options.style_layers, size_of(image), false);
    std::vector<Tensor> weights;
    for (const PictureLayer& layer : layers) {
        weights.push_back(cell_weights(mask, layer));
    }
    StyleMoments moments;
    moments.layers.resize(layers.size());
    for (const StyleTile& one : TileGeometry(net, taps).tiles(size_of(image), tile)) {
        const Features features = net.forward(one.patch_of(image), taps, /*keep_for_backward=*/false);
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const OwnFeatures own = own_features(features, layers[l], one);
            if (!own.empty()) {
                moments.layers[l].add(rows_of(own.values), own_weights(weights[l], own.rows, own.columns));
            }
        }
    }
    for (Moments& layer : moments.layers) {
        layer = layer.means();
    }
    if (options.palette > 0.0) {
        moments.pixels = pixel_moments(image, mask);
    }
    return moments;
}

}  // namespace reverie
