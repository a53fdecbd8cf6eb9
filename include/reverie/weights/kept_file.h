// What was worked out once and is kept in a file, to be made again when it is not what is wanted.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "reverie/weights/state_dict.h"

namespace reverie {

/// The file when it is there, whole, and has all these notes among its metadata; else empty.
std::optional<StateDict> read_kept(const std::filesystem::path& file, const std::map<std::string, std::string>& notes);

}  // namespace reverie
