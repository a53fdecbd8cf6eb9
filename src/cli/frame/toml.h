// Settings from and to TOML: `name = value` lines with strings, numbers, true, false and arrays of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reverie/cli/settings.h"

namespace reverie {

/// Throws Usage, naming `path` and the line, for anything else (tables too).
Settings parse_toml(std::string_view text, const std::string& path);

/// A value as such a file holds it: numbers and true bare, all else as a basic string; `list`: as an array.
std::string toml_value(const std::vector<std::string>& values, bool list);

}  // namespace reverie
