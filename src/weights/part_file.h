// What has arrived of a download, under a name of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace reverie {

/// A file that grows at its end and outlives a cut run. Throws Output, naming the path.
class PartFile {
  public:
    explicit PartFile(std::filesystem::path path);  ///< goes on with the file that is there, or makes it
    ~PartFile();                                    ///< an empty one is removed
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }
    std::int64_t size() const noexcept { return size_; }
    void append(std::span<const std::byte> bytes);
    void clear();
    void rename_to(const std::filesystem::path& destination);  ///< flushed to the disk first; the last call

  private:
    [[noreturn]] void fail() const;

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::int64_t size_ = 0;
};

}  // namespace reverie
