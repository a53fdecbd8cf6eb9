// Which files of a source are images by their names, and an account of those that are not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "reverie/data/dataset.h"

namespace reverie::data {

enum class NameKind {
    Picture,
    Sidecar,  ///< what lies beside images everywhere: hidden files, notes, labels, what systems put into folders
    Other,
};

/// By the last part of a path, of which no part may be hidden.
NameKind name_kind(std::string_view path);

class LeftOut {
  public:
    /// An image that cannot be read from there.
    void add_fault(std::string path, std::string reason);
    /// Counts the name unless it is a picture's, and says whether it is one.
    bool is_picture(std::string_view path);
    /// The same of a file on the disk: where its name does not say what it is, its content does.
    bool is_picture(std::string_view path, const std::filesystem::path& file);

    /// By path, where they came in the order of a disk.
    void sort();

    const std::vector<SkippedFile>& files() const { return files_; }
    std::int64_t sidecars() const { return sidecars_; }

  private:
    std::vector<SkippedFile> files_;
    std::int64_t sidecars_ = 0;
};

/// More bytes than a file of so many pixels can have: what claims them was made to fill the memory.
std::int64_t largest_file(std::int64_t max_pixels);

}  // namespace reverie::data
