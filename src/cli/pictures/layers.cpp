#include "cli/pictures/layers.h"

#include <nlohmann/json.hpp>

#include "cli/frame/table.h"
#include "reverie/cli/flags.h"
#include "reverie/core/text.h"
#include "reverie/nn/graph.h"

namespace reverie {

std::vector<LayerWeight> parse_layers(const std::string& flag, const std::vector<std::string>& texts) {
    std::vector<LayerWeight> layers;
    for (const std::string& text : texts) {
        const std::size_t equals = text.rfind('=');
        LayerWeight layer{text.substr(0, equals), 1.0};
        const bool weighs = equals == std::string::npos || target_of(layer.weight).set(text.substr(equals + 1));
        if (!weighs || layer.tap.empty()) {
            throw Error(ErrorKind::Usage,
                        flag + " '" + text + "' is not understood; wanted NAME or NAME=WEIGHT, as in relu4_1=0.5");
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

void list_layers(Session& session, const std::string& architecture, const std::string& preprocessing) {
    std::vector<std::vector<std::string>> rows;
    for (const Tap& tap : taps_of(make_graph(architecture, preprocessing))) {
        if (session.common().json) {
            const nlohmann::ordered_json object = {{"layer", tap.name},    {"channels", tap.channels},
                                                   {"stride", tap.stride}, {"offset", tap.offset},
                                                   {"field", tap.field},   {"aliases", tap.aliases}};
            session.print(object.dump());
        }
        const bool local = tap.field > 0;  // else one cell sees the whole image
        rows.push_back({tap.name, std::to_string(tap.channels), local ? std::to_string(tap.stride) : "-",
                        local ? std::to_string(tap.field) : "all", join(tap.aliases, ", ", ", ")});
    }
    if (!session.common().json) {
        session.print(render_table({"LAYER", "CHANNELS", "STRIDE", "FIELD", "ALSO CALLED"}, rows));
    }
}

}  // namespace reverie
