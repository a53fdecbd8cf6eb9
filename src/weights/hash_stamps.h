// Remembers the SHA-256 of files, so that a start costs a look at size and time instead of a hash.
#pragma once

#include <filesystem>
#include <string>

namespace reverie {

/// One small file per hashed file, all in one folder, so that the files themselves may lie where nothing can be
/// written. A stamp counts as long as the file's size and modification time (nanoseconds) are those it was hashed with.
class HashStamps {
  public:
    explicit HashStamps(std::filesystem::path folder);  ///< need not exist; made when first written to

    /// The hash from a stamp, else computed and remembered. Throws Weights when the file cannot be read.
    std::string sha256(const std::filesystem::path& file) const;

    /// Remembers a hash that was computed elsewhere. A folder that cannot be written is no fault: the next start
    /// computes again.
    void remember(const std::filesystem::path& file, const std::string& hash) const;

  private:
    std::filesystem::path stamp_of(const std::filesystem::path& file) const;

    std::filesystem::path folder_;
};

}  // namespace reverie
