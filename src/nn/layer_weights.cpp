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

void refuse_twice(const std::string& option, const std::string& earlier, const std::string& again,
                  const std::string& thing) {
    const std::string both = earlier == again ? " names " + again + " twice"
                                              : " names " + earlier + " and " + again + ", which are one " + thing;
    throw Error(ErrorKind::Usage, option + both + "; name it once, with one weight");
}

void require_layers(const std::string& option, const std::vector<LayerWeight>& layers) {
    const std::string name = "{--" + option + "}";
    if (layers.empty()) {
        throw Error(ErrorKind::Usage, name + " names no layer; name at least one ({--list-layers} shows them all)");
    }
    for (auto layer = layers.begin(); layer != layers.end(); ++layer) {
        if (!std::isfinite(layer->weight) || layer->weight <= 0.0) {
            throw Error(ErrorKind::Usage, name + " " + layer->tap + " has the weight " + human_number(layer->weight) +
                                              "; wanted a number above 0, or leave the layer out");
        }
        if (std::any_of(layers.begin(), layer, [&](const LayerWeight& other) { return other.tap == layer->tap; })) {
            refuse_twice(name, layer->tap, layer->tap, "");
        }
    }
}

}  // namespace reverie
