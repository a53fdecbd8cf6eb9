// A map of texts in formats that hold one string.
#pragma once

#include "image/raster.h"

namespace reverie::image {

/// The value itself when the only key is "Comment", else one JSON object with sorted keys; empty for no text.
std::string to_comment(const Text& text);

/// The reverse: a JSON object of strings becomes the map, any other text {"Comment": text}.
Text from_comment(std::string comment);

/// Bytes that are not UTF-8 are taken for Latin-1.
std::string to_utf8(std::string text);

}  // namespace reverie::image
