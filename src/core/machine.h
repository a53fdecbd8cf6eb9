// What this process may take of the machine: cores, threads, memory. `root` stands for "/" (tests bring their own /proc
// and /sys).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace reverie {

/// Cores this process may use: those it is bound to, within the processor time of its control groups.
int usable_cores(const std::filesystem::path& root = "/");

/// Memory that can still be taken, in bytes: what the system has available, within the limits of the control groups and
/// of the process (ulimit -v). 0 when the system does not tell.
std::int64_t free_memory(const std::filesystem::path& root = "/");

/// Memory of this process, in bytes; 0 when the system does not tell.
std::int64_t resident_memory(const std::filesystem::path& root = "/");

/// Gives the system back what was freed and kept (see keep_freed_memory). What is taken anew costs time, so this is for
/// when there is no room.
void return_freed_memory() noexcept;

/// What gets this process more memory, as an order, by what bounds it: its own limit (ulimit -v), else other programs.
const char* way_to_more_memory() noexcept;

/// How many of `wanted` threads this process can have at one time, the calling one included: tried, because limits of
/// users, groups and address space are counted in many places. At least 1.
int startable_threads(int wanted);

/// What this machine calls itself among others.
std::string host_name();

}  // namespace reverie
