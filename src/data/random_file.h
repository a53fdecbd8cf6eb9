// Reading pieces of a file at any place. Not a mapping: pages read through one would count as this process's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace reverie::data {

class RandomFile {
  public:
    /// Throws Input when it is missing, unreadable or no regular file.
    explicit RandomFile(std::filesystem::path path);
    /// Takes over a descriptor; `path` and `time` are what it speaks of. Its size is to be set.
    RandomFile(int descriptor, std::filesystem::path path, std::int64_t time);
    ~RandomFile();
    RandomFile(const RandomFile&) = delete;
    RandomFile& operator=(const RandomFile&) = delete;

    /// Fills `bytes` from `offset` on; from any thread. Throws Input when the file ends before.
    void read(std::int64_t offset, std::span<std::byte> bytes) const;
    std::int64_t size() const noexcept { return size_; }
    void set_size(std::int64_t size) noexcept { size_ = size; }
    std::int64_t time() const noexcept { return time_; }  ///< of the last change, in nanoseconds
    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
    int descriptor_ = -1;
    std::int64_t size_ = 0;
    std::int64_t time_ = 0;
};

}  // namespace reverie::data
