// Files in memory for readers that want a path, and what may come out of a reader.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>

#include "fuzz/families.h"
#include "reverie/core/error.h"

namespace reverie::fuzz {

/// A folder of this process in memory (where the system has such a place), gone when the process ends.
const std::filesystem::path& scratch_folder();

/// The folder's file of that name with these bytes, overwritten in place.
std::filesystem::path put(const std::string& name, Bytes bytes);

/// Runs it; whether it went through. It may throw Error of one of the kinds, with a message of one line; anything else
/// is a Finding.
bool is_read(std::initializer_list<ErrorKind> kinds, const std::function<void()>& read);

/// Throws Finding unless it holds.
void require(bool holds, const char* what);

Bytes bytes_of(const std::string& text);

}  // namespace reverie::fuzz
