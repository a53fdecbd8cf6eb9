// The JSON header of a safetensors file, read strictly and without building a document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "contents.h"

namespace reverie::weights {

struct SafetensorsEntry {
    std::string name;
    const ElementType* type = nullptr;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> range;  ///< first byte and end, counted from the end of the header; none negative
};

struct SafetensorsHeader {
    std::vector<SafetensorsEntry> entries;
    std::map<std::string, std::string> metadata;
};

/// Throws Weights, naming `path`: not JSON, another structure than {name: {dtype, shape, data_offsets}}, a name twice,
/// an unknown type, a number that is no 63-bit count.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::filesystem::path& path);

}  // namespace reverie::weights
