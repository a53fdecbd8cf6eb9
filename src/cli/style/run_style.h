// styletransfer's work: from flags to styled pictures.
#pragma once

#include "cli/style/style_flags.h"
#include "reverie/cli/app.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"

namespace reverie {

/// Styles all inputs: the net is loaded once, the styles' targets are shared by all pictures of the same styles. Flags
/// are judged before any picture is read or any net fetched. Returns what run_pictures returns; throws Usage, Input,
/// Weights, and Output for a --checkpoint or --trace that exists and may not be replaced.
int run_style(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
              const WeightStore& store);

/// The same with --only-color: no net, each input takes the colours of the style. Throws Usage for flags that mean
/// nothing then.
int run_only_color(Session& session, const StyleFlags& flags, const PictureOptions& pictures);

/// The same with --model: a net that has learnt styles paints all inputs, and --refine optimises from there. Throws
/// Usage for flags that mean nothing then, Weights for a file that is no such net.
int run_model(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
              const WeightStore& store);

}  // namespace reverie
