// The places of a net that can be looked at: how they are typed, and --list-layers.
#pragma once

#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/nn/layer_weight.h"

namespace reverie {

/// "block10" or "block10=-0.5", each. Throws Usage, naming `flag`.
std::vector<LayerWeight> parse_layers(const std::string& flag, const std::vector<std::string>& texts);

/// As they would be typed.
std::vector<std::string> layer_texts(const std::vector<LayerWeight>& layers);

/// Name, channels, stride, receptive field and other names of every tap; needs no weights.
void list_layers(Session& session, const std::string& architecture, const std::string& preprocessing);

}  // namespace reverie
