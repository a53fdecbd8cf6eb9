// The file that a killed run goes on from: where the work on one picture stands, and which work it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "cli/pictures/identity.h"
#include "reverie/cli/settings.h"
#include "reverie/techniques/style.h"

namespace reverie {

struct Checkpoint {
    std::string output;  ///< the picture's name: which one of a batch it is
    Settings identity;   ///< everything else that decides its pixels: flags, digests of inputs, threads, device
    StyleState state;
    std::int64_t max_memory = 0;  ///< which decided the tiles
    std::int64_t traced = 0;      ///< lines of --trace written by then
};

/// A safetensors file through a temporary name. Throws Output.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Whether the file says to be one; its values are not read.
bool is_checkpoint(const std::filesystem::path& path);

/// Throws Input for a file that cannot be read, is none, or is damaged, which is told by a digest.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// Whether the picture of that name is the one, "./out.png" being "out.png". Bytes of a name that are not UTF-8 do not
/// count.
bool is_of(const Checkpoint& checkpoint, const std::string& output);

/// Throws Usage, naming the first setting that differs, when the checkpoint in `path` was made with others than
/// `identity`.
void require_same(const Checkpoint& checkpoint, const Settings& identity, const std::filesystem::path& path);

}  // namespace reverie
