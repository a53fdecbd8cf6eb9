#include "cli/pictures/layers.h"

#include <nlohmann/json.hpp>

#include "cli/frame/table.h"
#include "reverie/cli/flags.h"
#include "reverie/core/text.h"
#include "reverie/nn/graph.h"

namespace reverie {

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
