// Every image of a source, decoded once.
#pragma once

#include <filesystem>

#include "data/cache_file.h"
#include "data/source.h"
#include "reverie/core/hooks.h"

namespace reverie::data {

/// Into memory or, when that takes more than options.cache_bytes and `cache` is not empty, into that file; one that is
/// there and whole is taken instead. Throws as open_dataset.
Decoded decode_all(const Source& source, const DataOptions& options, const std::filesystem::path& cache,
                   const Hooks& hooks);

}  // namespace reverie::data
