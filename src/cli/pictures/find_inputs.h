// Private: what the inputs of a batch stand for: files, the pictures of folders, what matches a pattern.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/data/dataset.h"

namespace reverie {

/// An input as it was found: `relative` is the name it keeps inside an output folder.
struct Found {
    std::string path;
    std::filesystem::path relative;
    std::optional<Error> fault;
};

/// Where a batch writes: what lies there is no input of it, unless it is named.
class OutputFolder {
  public:
    explicit OutputFolder(const std::string& output);

    bool is(const std::filesystem::path& folder) const;
    /// Whether the folder is it or lies in it.
    bool holds(const std::filesystem::path& folder) const;

    std::size_t left_out = 0;  ///< pictures in it that were met

  private:
    std::filesystem::path folder_;  ///< "": it is not there yet
};

/// What is passed over on the way.
struct PassedOver {
    OutputFolder output;
    std::vector<SkippedFile> files = {};  ///< that lie in folders and are not pictures; by their whole paths
};

/// The pictures of a folder, by name, else by content; an item with a fault when there are none.
std::vector<Found> list_folder(const std::filesystem::path& folder, bool recursive, PassedOver& passed);

/// `several`: set when the input can stand for more than one file, so that the output must be a folder.
std::vector<Found> find_inputs(const std::string& input, bool recursive, PassedOver& passed, bool& several);

/// One sentence about files that were passed over.
std::string passed_over_text(const std::vector<SkippedFile>& files);

}  // namespace reverie
