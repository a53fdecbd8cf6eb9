// info, of every program that trains.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "reverie/cli/app.h"

namespace reverie {

struct RunInfo {
    std::string program;  ///< "vae"
    /// What the notes of a weights file say of the net: one object. Throws Input for notes of something else.
    std::function<nlohmann::ordered_json(const std::map<std::string, std::string>& notes)> net;
    /// Records whose last values are shown, as they are called in metrics.jsonl.
    std::vector<std::string> watched;
    std::string metric;  ///< the one whose least value is shown with its step: "validation/loss"
};

std::unique_ptr<Program> info_command(RunInfo info);

}  // namespace reverie
