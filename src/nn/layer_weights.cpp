#include "nn/layer_weights.h"

#include <algorithm>
#include <cmath>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {

std::vector<LayerWeight> parse_layers(const std::string& option, const std::vector<std::string>& texts) {
    std::vector<LayerWeight> layers;
    for (const std::string& text : texts) {
        const std::size_t equals = text.rfind('=');
        LayerWeight layer{text.substr(0, equals), 1.0};
        const bool weighs = equals == std::string::npos || parse_value(text.substr(equals + 1), layer.weight);
        if (!weighs || layer.tap.empty()) {
            throw Error(ErrorKind::Usage, "{--" + option + "} '" + text +
                                              "' is not understood; wanted NAME or NAME=WEIGHT, as in relu4_1=0.5");
        }
        layers.push_back(layer);
    }
    return layers;
}

std::vector<std::string> layer_texts(const std::vector<LayerWeight>& layers) {
    std::vector<std::string> texts;
    for (const LayerWeight& layer : layers) {
        texts.push_back(layer.weight == 1.0 ? layer.tap : layer.tap + "=" + number_text(layer.weight));
    }
    return texts;
}

void require_layers(const std::string& option, const std::vector<LayerWeight>& layers, LayerSigns signs) {
    const std::string name = "{--" + option + "} ";
    if (layers.empty()) {
        throw Error(ErrorKind::Usage, name + "names no layer; name at least one ({--list-layers} shows them all)");
    }
    for (auto layer = layers.begin(); layer != layers.end(); ++layer) {
        const bool positive = signs == LayerSigns::Positive;
        if (!std::isfinite(layer->weight) || (positive ? layer->weight <= 0.0 : layer->weight == 0.0)) {
            throw Error(ErrorKind::Usage, name + layer->tap + " has the weight " + human_number(layer->weight) +
                                              (positive ? "; wanted a number above 0, or leave the layer out"
                                                        : "; wanted a number other than 0, or leave the layer out"));
        }
        if (std::any_of(layers.begin(), layer, [&](const LayerWeight& other) { return other.tap == layer->tap; })) {
            throw Error(ErrorKind::Usage, name + "names " + layer->tap + " twice; name it once, with one weight");
        }
    }
}

}  // namespace reverie
