// Where images come from: a numbered list that gives each one's name, identity and pixels as stored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/left_out.h"
#include "data/names.h"
#include "data/random_file.h"
#include "reverie/core/hooks.h"
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
    /// What is in the source and not in the list.
    virtual LeftOut left_out() const { return {}; }
};

/// Images that are files: a name, a size and a time each.
class FileSource : public Source {
  public:
    std::int64_t count() const override { return names_.count(); }
    std::string name(std::int64_t index) const override { return std::string(names_[index]); }
    std::string class_of(std::int64_t index) const override;
    std::int64_t stored_bytes(std::int64_t index) const override { return bytes_[static_cast<std::size_t>(index)]; }
    std::int64_t time(std::int64_t index) const override { return times_[static_cast<std::size_t>(index)]; }
    LeftOut left_out() const override { return left_out_; }

  protected:
    /// Classes are told by the first folder in which the names differ: what all of them lie in says nothing. Names from
    /// outside (with '/' or "../" in front) have a class when all have such a folder.
    void find_class_start();

    Names names_;  ///< below the source, with '/' between folders
    std::vector<std::int64_t> bytes_;
    std::vector<std::int64_t> times_;
    LeftOut left_out_;

  private:
    std::size_t class_start_ = 0;  ///< where in a name that folder begins
    bool outside_has_classes_ = false;
};

/// Members of an archive before they are in order: of equal names the last one counts, as it would after unpacking.
class Members {
  public:
    void add(std::string_view name, std::int64_t bytes, std::int64_t place);
    std::int64_t count() const { return names_.count(); }
    std::string_view name(std::int64_t index) const { return names_[index]; }
    std::int64_t bytes(std::int64_t index) const { return bytes_[static_cast<std::size_t>(index)]; }
    std::int64_t place(std::int64_t index) const { return places_[static_cast<std::size_t>(index)]; }
    /// By name; `places` says where each one is.
    void move_to(Names& names, std::vector<std::int64_t>& bytes, std::vector<std::int64_t>& places) &&;

  private:
    Names names_;
    std::vector<std::int64_t> bytes_;
    std::vector<std::int64_t> places_;
};

/// A member's name as a path below the archive.
std::string_view member_name(std::string_view name);

[[noreturn]] void throw_no_image(const std::filesystem::path& path, const LeftOut& left_out);

/// Each throws Input when there is no image in it.
std::unique_ptr<Source> open_folder(const std::filesystem::path& folder);
std::unique_ptr<Source> open_list(const std::filesystem::path& file);
std::unique_ptr<Source> open_image(const std::filesystem::path& file);
std::unique_ptr<Source> open_tar(std::shared_ptr<RandomFile> file);
std::unique_ptr<Source> open_zip(const std::filesystem::path& file);
std::unique_ptr<Source> open_idx(const std::filesystem::path& file);
std::unique_ptr<Source> open_idx_folder(const std::filesystem::path& folder, DataPart part);

bool is_idx_folder(const std::filesystem::path& folder);

/// Told by content, never by extension. Compressed archives are unpacked to `folder` (empty: to memory), to a file that
/// is gone with the source.
std::unique_ptr<Source> open_source(const std::filesystem::path& path, DataPart part,
                                    const std::filesystem::path& folder = {}, const Hooks& hooks = {});

}  // namespace reverie::data
