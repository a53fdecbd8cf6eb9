// Decoded images on the disk, so that neither memory nor a second decoding is needed: 16 bytes of magic, the images,
// then a JSON text about them, its length, and the magic again, which only a whole file ends with.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/state.h"
#include "reverie/core/files.h"

namespace reverie::data {

/// An image of the source that cannot be used.
struct Fault {
    std::int64_t index = 0;
    std::string reason;
};

struct Decoded {
    Pixels pixels;
    std::vector<Fault> faults;  ///< by index; the pixels are those of all others, in order
};

class CacheWriter {
  public:
    /// Throws Output when the disk has no room for `bytes`.
    CacheWriter(const std::filesystem::path& path, std::int64_t bytes);
    void append(std::span<const std::uint8_t> images);
    /// The file under its final name, open for reading.
    void commit(Decoded& decoded);

  private:
    std::filesystem::path path_;
    std::optional<AtomicFile> file_;
};

/// Nothing when there is no such file, or it is not whole.
std::optional<Decoded> open_cache(const std::filesystem::path& path);

}  // namespace reverie::data
