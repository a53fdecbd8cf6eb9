// Reading and writing files so that nothing is lost and nothing half-written stands under a final name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reverie/core/error.h"

namespace reverie {

/// Whether anything has that name; false also where one may not look.
bool is_there(const std::filesystem::path& path) noexcept;

/// The whole file. Throws `kind` (Input by default) when it is missing, a folder, unreadable or cut while being read.
std::vector<std::byte> read_file(const std::filesystem::path& path, ErrorKind kind = ErrorKind::Input);

/// A file under construction: written to a hidden temporary name beside `path`, flushed to the disk and renamed by
/// commit(). Without commit() the temporary file is removed, so a fault, a full disk or a signal never leaves a partial
/// file under the final name. Missing parent folders are made. Throws Output, naming the path.
class AtomicFile {
  public:
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void write(std::string_view text);
    void commit();
    /// The temporary name, for libraries that insist on opening a file themselves.
    const std::filesystem::path& temporary() const noexcept { return temporary_; }

  private:
    [[noreturn]] void fail(const char* doing) const;

    std::filesystem::path path_;
    std::filesystem::path temporary_;
    int descriptor_ = -1;
    int slot_ = -1;  ///< in the list that remove_temporary_files goes through
};

/// Removes the temporary files of every AtomicFile not yet committed; safe in a signal handler that ends the process.
void remove_temporary_files() noexcept;

/// AtomicFile in one call.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

/// A read-only view of a file that the system pages in where it is touched. Throws `kind` like read_file.
class MappedFile {
  public:
    explicit MappedFile(const std::filesystem::path& path, ErrorKind kind = ErrorKind::Input);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const noexcept { return bytes_; }
    const std::filesystem::path& path() const noexcept { return path_; }
    /// Lets go of the memory behind a part that has been read; it comes back from the file when it is read again.
    void release(std::span<const std::byte> part) const noexcept;

  private:
    std::filesystem::path path_;
    std::span<const std::byte> bytes_;
};

}  // namespace reverie
