// The bytes of a file from its start on, whatever it was compressed with.
#pragma once

#include <memory>
#include <string_view>

#include "data/random_file.h"
#include "reverie/core/hooks.h"

namespace reverie::data {

enum class Compression { None, Gzip, Zstandard };

/// Told by the first bytes.
Compression compression_of(std::string_view head);

class ByteStream {
  public:
    /// Throws Input when the file cannot be read.
    explicit ByteStream(const std::filesystem::path& path);
    ~ByteStream();
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// As many bytes as are there, up to all of `bytes`; less only at the end. Throws Input for what is damaged or cut.
    std::size_t read_some(std::span<std::byte> bytes);
    const RandomFile& file() const { return file_; }
    Compression compression() const { return compression_; }

  private:
    struct Inflater;
    struct Zstd;
    bool refill();
    std::size_t read_gzip(std::span<std::byte> bytes);
    std::size_t read_zstd(std::span<std::byte> bytes);

    RandomFile file_;
    Compression compression_ = Compression::None;
    std::vector<std::byte> input_;
    std::size_t next_ = 0;  ///< in input_
    std::size_t held_ = 0;  ///< of input_
    std::int64_t at_ = 0;   ///< in the file
    std::unique_ptr<Inflater> inflater_;
    std::unique_ptr<Zstd> zstd_;
    bool within_ = true;  ///< a compressed part that has not ended
};

/// What the stream holds as a file that can be read at any place and is gone when nobody holds it: in `folder`, or in
/// memory where that is empty. It keeps the packed file's path and time. Throws Input for damage and for what unpacks
/// to absurdly more than it is, Output when it has no room, Cancelled.
std::shared_ptr<RandomFile> unpacked(const std::filesystem::path& path, const std::filesystem::path& folder,
                                     const Hooks& hooks);

}  // namespace reverie::data
