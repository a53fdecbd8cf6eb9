// The nets that see what style transfer optimises.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/network_flags.h"
#include "reverie/core/pool.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/style.h"

namespace reverie {

struct LoadedNets {
    FrozenNet style;
    std::optional<FrozenNet> content = std::nullopt;

    StyleNets both() { return {style, content ? &*content : nullptr}; }
    LoadedNets sibling() const { return {style.sibling(), content ? std::optional(content->sibling()) : std::nullopt}; }
};

struct NetPool {
    std::unique_ptr<Pool<LoadedNets>> nets;
    Settings settings;                         ///< which they are
    std::vector<std::filesystem::path> files;  ///< of their weights
};

/// The net that `network` means, prepared for `options`, and the second one that sees the content, kNoNetwork: none.
/// Throws Usage and Weights.
NetPool load_style_nets(Session& session, const NetworkOptions& network, const std::string& content_network,
                        const StyleOptions& options, const WeightStore& store);

}  // namespace reverie
