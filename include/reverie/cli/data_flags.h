// The flags of programs that train on a set of images.
#pragma once

#include <filesystem>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/core/option_table.h"
#include "reverie/data/dataset.h"

namespace reverie {

struct DataFlags {
    GivenOptions options;  ///< see data_option_table
    bool mirror = false;
    std::string default_size = {};      ///< of the images where --size does not say; empty: as DataOptions has it
    std::string default_channels = {};  ///< the same of --channels
};

void add_flags(CLI::App& app, DataFlags& flags);

/// Checked. The cache goes into reverie/data in the user's cache folder. Throws Usage.
DataOptions data_options(const DataFlags& flags, const Environment& environment);

/// Whether `source` is a folder of IDX files that has a test part of its own.
bool has_test_part(const std::filesystem::path& source);

}  // namespace reverie
