// The flags of programs that use a pretrained net, and what they mean.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/core/pool.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/weights/store.h"

namespace reverie {

struct NetworkOptions {
    std::string network = "auto";
    std::filesystem::path weights;  ///< a file instead of the catalogue's
    std::string preprocessing;      ///< of that file; empty: told by the file
    Engine engine = Engine::Auto;
    std::string flag = "network";  ///< by which the net is chosen
    bool list_networks = false;
    bool list_layers = false;
    bool fetch = false;
};

/// `choices`: what auto tries, in order.
void add_flags(CLI::App& app, NetworkOptions& options, const std::vector<std::string>& choices);

/// Throws Usage for flags that need each other.
void validate(const NetworkOptions& options);

/// $REVERIE_MODELS, the user's data folder, the folder beside the program, LibTorch's hub cache.
StoreLocations store_locations(const Environment& environment);

/// The catalogue's entry that the flags mean: with "auto" the first installed of `choices`, or the first of them when
/// none is. Throws Usage for an unknown name.
InstalledNetwork choose_network(const NetworkOptions& options, const WeightStore& store,
                                const std::vector<std::string>& choices);

/// The weights that the flags mean, downloaded when missing, but not by --dry-run. Says which were taken. Throws Usage
/// and Weights.
NetworkWeights resolve_network(Session& session, const NetworkOptions& options, const WeightStore& store,
                               const std::vector<std::string>& choices);

/// load_net(), and a word about names that have a prefix in the file.
FrozenNet load_net(Session& session, const NetworkWeights& weights, const std::function<void(Graph&)>& adapt = {},
                   Engine engine = Engine::Auto);

/// The net on --engine, as many times as are used at once: each remembers its last picture, all share the weights.
/// `adapt` may change its graph first. Throws Usage and Weights.
std::unique_ptr<Pool<FrozenNet>> load_nets(Session& session, const NetworkOptions& options,
                                           const NetworkWeights& weights,
                                           const std::function<void(Graph&)>& adapt = {});

/// Does what --list-networks, --list-layers and --fetch ask for; false when none was given.
bool list_or_fetch(Session& session, const NetworkOptions& options, const WeightStore& store,
                   const std::vector<std::string>& choices);

/// Program, version and the net: what every picture made with a net says first.
Settings made_with(const Session& session, const NetworkOptions& options, const NetworkWeights& weights);

}  // namespace reverie
