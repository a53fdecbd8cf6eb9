// The places of a net that can be looked at: --list-layers.
#pragma once

#include <string>

#include "reverie/cli/app.h"

namespace reverie {

/// Name, channels, stride, receptive field and other names of every tap; needs no weights.
void list_layers(Session& session, const std::string& architecture, const std::string& preprocessing);

}  // namespace reverie
