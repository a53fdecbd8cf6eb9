// The flags of programs that turn pictures into pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/cli/batch.h"

namespace reverie {

struct PictureOptions {
    std::vector<std::string> inputs;
    std::filesystem::path from;               ///< a picture whose settings are taken
    std::string default_size = "own";         ///< of this program
    std::string size;                         ///< as size_box() takes it; empty: default_size
    std::int64_t quality = 95;                ///< JPEG and WebP
    std::int64_t max_pixels = 1'000'000'000;  ///< larger inputs are refused
    std::string max_memory = "80%";           ///< bytes with k, M, G or T, or a share of what is free
    bool recursive = false;
    std::string shard;  ///< as parse_shard takes it
    bool skip_existing = false;
    std::string jobs = "auto";  ///< most pictures at once, or auto
    bool fail_fast = false;
};

void add_flags(CLI::App& app, PictureOptions& options);

/// Throws Usage, speaking in flag names.
void validate(const PictureOptions& options, bool overwrite);

/// --size, or the program's default.
const std::string& wanted_size(const PictureOptions& options);

/// What it means: the box that results are brought to fit into, "900" being 900x900; empty: the input's own size.
/// Throws Usage.
std::optional<Size> size_box(const PictureOptions& options);

/// --jobs; empty: auto. Throws Usage.
std::optional<int> jobs_of(const PictureOptions& options);

/// "4G" -> 4e9; "50%" -> half of `available`, rounded down to whole gigabytes above two, so that it does not change
/// from run to run with every small program that comes and goes. Throws Usage.
std::int64_t memory_limit(const std::string& text, std::int64_t available);

/// Memory that a net's activations may take on the session's device.
std::int64_t memory_limit(Session& session, const PictureOptions& options);

}  // namespace reverie
