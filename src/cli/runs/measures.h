// What evaluate commands share: the net whose features are compared, and what was measured as a table or in JSON.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/metrics/features.h"
#include "reverie/weights/store.h"

namespace reverie {

/// Fewer samples or images are not compared.
inline constexpr std::int64_t kLeastMeasured = 4;

/// "auto (the first installed of a or b that no discriminator looks through), a name or none": what the help says of
/// --features.
std::string features_help();

/// For commands that only compare: throws Usage when --features names a net without features, or none.
void require_features(const std::string& features);

/// The net that --features means; empty for none, and (with a sentence) for auto when none is installed. Auto never
/// takes the net that the discriminator `looked_through` (empty: it saw pixels); naming that one is warned of. Throws
/// Usage for a net without features, and Weights.
std::optional<NetworkWeights> feature_weights(Session& session, const std::string& features,
                                              const std::string& looked_through = "");

/// The same where there has to be one: throws Usage for none.
NetworkWeights required_feature_weights(Session& session, const std::string& features,
                                        const std::string& looked_through);

/// The net whose features are compared, and how images are brought to it.
struct Measuring {
    FrozenNet net;
    FeatureProtocol protocol;
};
Measuring measuring_with(Session& session, const NetworkWeights& weights);

/// Where features of images are kept: see feature_file of metrics/sample_quality.h.
std::filesystem::path features_folder(const Environment& environment);

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
