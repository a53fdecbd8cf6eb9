// What evaluate commands share: the net whose features are compared, and what was measured as a table or in JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/metrics/features.h"
#include "reverie/weights/store.h"

namespace reverie {

/// "auto (the first installed of a or b), a name or none": what the help says of --features.
std::string features_help();

/// The net that --features means; empty for none, and (with a sentence) for auto when none is installed. Throws Usage
/// for a net without features, and Weights.
std::optional<NetworkWeights> feature_weights(Session& session, const std::string& features);

/// Features of images, with progress under `label`.
Tensor features_of(Session& session, FrozenNet& net, const FeatureProtocol& protocol, std::int64_t count,
                   const std::string& label,
                   const std::function<Tensor(std::int64_t first, std::int64_t count)>& images);

/// Where features of images are kept, and under what key: see kept_features of metrics/sample_quality.h.
struct FeatureFile {
    std::filesystem::path path;
    std::string key;
};
/// `images`: tells these images from any others.
FeatureFile feature_file(const Environment& environment, const FeatureProtocol& protocol, std::string_view images);

/// A line of the table and of the JSON object.
struct Measure {
    std::string key;    ///< in JSON
    std::string about;  ///< in the table
    double value = 0.0;
    std::string unit = "";
    bool protocol = false;  ///< `unit` says how it was measured: in JSON under "<key>_protocol"
};

std::string measure_text(double value);
void put(nlohmann::ordered_json& object, const std::vector<Measure>& measures);
/// A row of the table under "measure", "value" and "".
std::vector<std::string> cells_of(const Measure& measure);

}  // namespace reverie
