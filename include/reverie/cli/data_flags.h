// The flags of programs that train on a set of images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/data/dataset.h"

namespace reverie {

struct DataFlags {
    std::string size;           ///< "64" or "64x48"; empty: the data's own choice
    std::int64_t channels = 0;  ///< 0: the data's own choice
    Fit fit = Fit::Center;
    bool mirror = false;
    double cache_mb = 1000.0;
    bool strict = false;
    std::int64_t max_pixels = 100'000'000;
};

void add_flags(CLI::App& app, DataFlags& flags);

/// The words of --fit.
const Choices<Fit>& fits();

/// "64" -> 64x64, "64x48" -> 64 wide and 48 high. Throws Usage, naming --size.
Size parse_size(const std::string& text);

/// Checked. The cache goes into reverie/data in the user's cache folder. Throws Usage.
DataOptions data_options(const DataFlags& flags, const Environment& environment);

/// Whether `source` is a folder of IDX files that has a test part of its own.
bool has_test_part(const std::filesystem::path& source);

}  // namespace reverie
