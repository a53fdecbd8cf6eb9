// Which file becomes which: inputs (files, folders, patterns, standard input) to output names, checked before any work.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reverie/core/error.h"

namespace reverie {

struct BatchItem {
    std::string input;           ///< a path; "-": standard input
    std::string output;          ///< a path; "-": standard output
    std::optional<Error> fault;  ///< why it cannot be done; found before the work
};

struct BatchRequest {
    std::vector<std::string> inputs;
    std::string output;
    bool recursive = false;  ///< input folders with their sub-folders, whose tree is kept
};

/// Folders are listed (pictures only, sorted, hidden files left out), quoted patterns expanded, the same file twice
/// done once. One file and an output with a picture's extension, or "-", is that file; everything else goes into the
/// output folder under its own name (".png" where its extension cannot be written). Throws Usage when the output cannot
/// be, or when two inputs would be written to one file; a folder without pictures or a pattern that matches nothing is
/// an item with a fault.
std::vector<BatchItem> plan_batch(const BatchRequest& request);

enum class Existing { Refuse, Overwrite, Skip };

/// Makes missing output folders, and puts a fault into every item whose output exists or cannot be written. With Skip
/// the items that exist are taken out and returned.
std::vector<BatchItem> check_outputs(std::vector<BatchItem>& items, Existing existing);

/// "dir/photo.png", "preview" -> "dir/photo.preview.png".
std::filesystem::path with_tag(const std::filesystem::path& path, const std::string& tag);

}  // namespace reverie
