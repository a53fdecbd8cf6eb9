// Images named on a command line, read when they are needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/data/dataset.h"
#include "reverie/data/image_source.h"

namespace reverie {

class ImageList {
  public:
    void add(const Dataset& set, std::int64_t index) { images_.emplace_back(set, index); }

    void add_from(const ImageList& list, std::int64_t number) { add(list.set(number), list.index(number)); }

    std::int64_t count() const { return static_cast<std::int64_t>(images_.size()); }
    /// float32 [N,C,H,W] in [0,1].
    Tensor read(std::int64_t first, std::int64_t count) const;
    /// Their numbers within their sources: int64 [N].
    Tensor indices(std::int64_t first, std::int64_t count) const;
    std::string name(std::int64_t number) const { return set(number).name(index(number)); }
    /// The label's name; empty without one.
    std::string label(std::int64_t number) const;
    /// The same for the same images, else another.
    std::string digest() const;
    /// At most `count` of them, chosen by `seed`, in their order; 0: all.
    ImageList sample(std::int64_t count, std::uint64_t seed) const;

  private:
    const Dataset& set(std::int64_t number) const { return images_[static_cast<std::size_t>(number)].first; }
    std::int64_t index(std::int64_t number) const { return images_[static_cast<std::size_t>(number)].second; }

    std::vector<std::pair<Dataset, std::int64_t>> images_;
};

/// As the library reads them, without labels. Refers to `list`.
ImageSource source_of(const ImageList& list);

/// What --help says of sources.
inline constexpr const char* kSourcesHelp =
    "images: files, folders, tars, zips, list files, IDX; SOURCE:LABEL takes one sub-folder of a labelled source";

/// "faces.tar:smiling" -> the source and its label; a path that exists as it stands has none.
std::pair<std::string, std::string> source_and_label(const std::string& text);

/// The last part of a path or SOURCE:LABEL, as it is kept in pictures: where a file lies decides nothing.
std::string last_part(const std::string& source);

/// Whether nobody was told yet what was left out of a source.
bool is_news_of(Session& session, const std::filesystem::path& source);

/// Each source is what open_dataset takes, or SOURCE:LABEL for the images of one label. Throws Input for a label that
/// is not there, and what open_dataset throws.
ImageList open_images(Session& session, const std::vector<std::string>& sources, const DataOptions& options);

}  // namespace reverie
