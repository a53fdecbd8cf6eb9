// Where images come from: a numbered list that gives each one's name, identity and pixels as stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/names.h"
#include "reverie/core/tensor.h"
#include "reverie/data/dataset.h"

namespace reverie::data {

struct LoadOptions {
    std::optional<Size> at_least;  ///< no side shorter than this is wanted, see image::decode_raster
    std::int64_t max_pixels = 0;
};

class Source {
  public:
    virtual ~Source() = default;
    virtual std::int64_t count() const = 0;
    /// As messages and lists call it.
    virtual std::string name(std::int64_t index) const = 0;
    /// The name of its class; empty: none.
    virtual std::string class_of(std::int64_t index) const = 0;
    /// Its size where it is stored, and when it was changed: what tells that it is no longer the same.
    virtual std::int64_t stored_bytes(std::int64_t index) const = 0;
    virtual std::int64_t time(std::int64_t index) const = 0;
    /// uint8 [H,W,C] upright, C 1, 3 or 4 (alpha not multiplied). Throws Input. From any thread.
    virtual Tensor load(std::int64_t index, const LoadOptions& options) const = 0;

    /// Identifies pixels that names and sizes do not; empty: nothing more.
    virtual std::string content() const { return ""; }
    virtual std::int64_t default_channels() const { return 3; }
    /// What could not even be listed.
    virtual std::vector<SkippedFile> unlisted() const { return {}; }
};

/// Images that are files: a name, a size and a time each.
class FileSource : public Source {
  public:
    std::int64_t count() const override { return names_.count(); }
    std::string name(std::int64_t index) const override { return std::string(names_[index]); }
    std::string class_of(std::int64_t index) const override;
    std::int64_t stored_bytes(std::int64_t index) const override { return bytes_[static_cast<std::size_t>(index)]; }
    std::int64_t time(std::int64_t index) const override { return times_[static_cast<std::size_t>(index)]; }

  protected:
    Names names_;  ///< below the source, with '/' between folders
    std::vector<std::int64_t> bytes_;
    std::vector<std::int64_t> times_;
    std::size_t class_start_ = 0;  ///< where in a name the first level begins
};

/// Each throws Input when there is no image in it.
std::unique_ptr<Source> open_folder(const std::filesystem::path& folder);
std::unique_ptr<Source> open_list(const std::filesystem::path& file);
std::unique_ptr<Source> open_image(const std::filesystem::path& file);
std::unique_ptr<Source> open_tar(const std::filesystem::path& file);
std::unique_ptr<Source> open_idx(const std::filesystem::path& file);
std::unique_ptr<Source> open_idx_folder(const std::filesystem::path& folder, DataPart part);

bool is_idx_folder(const std::filesystem::path& folder);

/// Told by content, never by extension.
std::unique_ptr<Source> open_source(const std::filesystem::path& path, DataPart part);

}  // namespace reverie::data
