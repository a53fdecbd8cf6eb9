// What the control groups that this process runs in allow it. Version 2 and version 1, nested ones too: every
// ancestor's limit counts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace reverie {

struct GroupLimits {
    std::optional<double> cores;         ///< of processor time; empty: no limit
    std::optional<std::int64_t> memory;  ///< bytes that can still be taken; file cache counts as free
    std::optional<std::int64_t> tasks;   ///< threads and processes that can still be started
};

/// `root`: the folder that stands for "/" (tests bring their own /proc and /sys). What cannot be read limits nothing.
GroupLimits read_group_limits(const std::filesystem::path& root = "/");

}  // namespace reverie
