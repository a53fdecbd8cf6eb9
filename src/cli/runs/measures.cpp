#include "cli/runs/measures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "reverie/cli/flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/core/text.h"

namespace reverie {

namespace {

void check_features(const std::string& features) {
    if (features != "auto" && features != "none") {
        feature_protocol(features);
    }
}

Error no_features(const std::string& looked_through) {
    return {ErrorKind::Usage, "there is no net to compare features in; name one with --features (" +
                                  join(feature_networks(looked_through), ", ", " or ") +
                                  "), which fetches it or says how to get it"};
}

}  // namespace

std::string features_help() {
    return "auto (the first installed of " + join(feature_networks(), ", ", " or ") +
           " that no discriminator looks through), a name or none";
}

void require_features(const std::string& features) {
    check_features(features);
    if (features == "none") {
        throw no_features("");
    }
}

std::optional<NetworkWeights> feature_weights(Session& session, const std::string& features,
                                              const std::string& looked_through) {
    check_features(features);
    if (features == "none") {
        return std::nullopt;
    }
    const WeightStore store(store_locations(session.environment()));
    const std::vector<std::string> networks = feature_networks(looked_through);
    if (features == "auto" && std::none_of(networks.begin(), networks.end(), [&](const std::string& name) {
            return store.installed(name).has_value();
        })) {
        session.console().info("no distances are measured: none of " + join(networks) +
                               " is installed (--features NAME fetches one or says how to get it)");
        return std::nullopt;
    }
    if (features == looked_through) {
        session.console().warning("distances in the features of " + features +
                                  ", which the discriminator looks through, flatter: training lowers them without "
                                  "better images; measure with --features " +
                                  join(networks, ", ", " or "));
    }
    NetworkOptions network;
    network.network = features;
    return resolve_network(session, network, store, networks);
}

NetworkWeights required_feature_weights(Session& session, const std::string& features,
                                        const std::string& looked_through) {
    std::optional<NetworkWeights> weights = feature_weights(session, features, looked_through);
    if (!weights) {
        throw no_features(looked_through);
    }
    return *std::move(weights);
}

Measuring measuring_with(Session& session, const NetworkWeights& weights) {
    return {load_net(session, weights), feature_protocol(weights.network)};
}

std::filesystem::path features_folder(const Environment& environment) {
    return environment.cache_home / "reverie/features";
}

std::string measure_text(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", std::abs(value) < 1.0 ? 5 : 3, value);
    return text;
}

void put(nlohmann::ordered_json& object, const std::vector<Measure>& measures) {
    for (const Measure& measure : measures) {
        object[measure.key] = measure.value;
        if (measure.protocol) {
            object[measure.key + "_protocol"] = measure.unit;
        }
    }
}

std::vector<std::string> cells_of(const Measure& measure) {
    return {measure.about, measure_text(measure.value), measure.unit};
}

}  // namespace reverie
