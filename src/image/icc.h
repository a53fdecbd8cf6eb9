// Enough of ICC profiles to tell whether ignoring one changes the colours.
#pragma once

#include <optional>

#include "image/raster.h"

namespace reverie::image {

/// The name of a profile that is not sRGB, by its description or, failing that, by its primaries and tone curve;
/// nothing when it is sRGB or as good as that. Never throws on a damaged profile.
std::optional<std::string> foreign_profile(Bytes profile);

/// Adds to `notes` that such a profile was ignored.
void note_profile(Bytes profile, const std::string& name, std::vector<std::string>& notes);

}  // namespace reverie::image
