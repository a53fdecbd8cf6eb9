#include "cli/pictures/plan_text.h"

#include "reverie/core/text.h"

namespace reverie {

void print_plan(Session& session, const Settings& plan) {
    for (const Setting& line : plan.all()) {
        session.print("  " + line.name + ": " + join(line.values, ", ", ", "));
    }
}

void add_cost(PicturePlan& plan, std::int64_t peak_bytes, std::int64_t tile) {
    plan.said.set("memory", "about " + human_bytes(static_cast<std::uint64_t>(peak_bytes)));
    plan.said.set("tiles", tile > 0 ? std::to_string(tile) + " pixels" : "none");
    plan.said.set("time", time_text(plan));
}

std::string time_text(const PicturePlan& plan, std::int64_t pictures) {
    return plan.how_surely + " " + human_seconds(plan.once + plan.seconds * static_cast<double>(pictures));
}

}  // namespace reverie
