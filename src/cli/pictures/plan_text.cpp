#include "cli/pictures/plan_text.h"

#include "reverie/core/text.h"

namespace reverie {

void print_plan(Session& session, const Settings& plan) {
    for (const Setting& line : plan.all()) {
        session.print("  " + line.name + ": " + join(line.values, ", ", ", "));
    }
}

void add_cost(Settings& said, std::int64_t peak_bytes, std::int64_t tile, const std::string& how_surely,
              double seconds) {
    said.set("memory", "about " + human_bytes(static_cast<std::uint64_t>(peak_bytes)));
    said.set("tiles", tile > 0 ? std::to_string(tile) + " pixels" : "none");
    said.set("time", how_surely + " " + human_seconds(seconds));
}

}  // namespace reverie
