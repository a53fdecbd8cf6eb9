// Reading and writing files so that nothing is lost and nothing half-written stands under a final name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
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

/// Where a file of that name is written: at the end of the symbolic links it leads through, even where nothing is there
/// yet. Throws Output for links that go round in a circle or into a folder that does not exist.
std::filesystem::path written_path(const std::filesystem::path& path);

/// What becomes of a finished file whose name something else has by then.
enum class Replacing {
    Allowed,   ///< it takes its place
    Beside,    ///< it gets the name "photo.2.png", or the next that is free
    Withdrawn  ///< it is dropped
};

/// A file under construction: written to a hidden temporary name beside `path`, flushed to the disk and renamed by
/// commit(). Without commit() the temporary file is removed, so a fault, a full disk or a signal never leaves a partial
/// file under the final name. Missing parent folders are made. Symbolic links stay and what they lead to is written; a
/// file that is replaced hands on its mode and, where that is allowed, its owner. What is there and no regular file
/// (a device, a pipe) is written into directly. Throws Output, naming the path.
class AtomicFile {
  public:
    explicit AtomicFile(std::filesystem::path path, Replacing replacing = Replacing::Allowed);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::span<const std::byte> bytes);
    void write(std::string_view text);
    /// The name that it has got: `path` as it was given, another with Beside, none ("") with Withdrawn.
    std::filesystem::path commit();
    /// The temporary name, for libraries that insist on opening a file themselves.
    const std::filesystem::path& temporary() const noexcept { return temporary_; }

  private:
    [[noreturn]] void fail(const char* doing) const;

    /// Gives it that name unless something has it; false: something has.
    bool take_free_name(const std::filesystem::path& name) const;

    std::filesystem::path path_;
    std::filesystem::path target_;  ///< what `path_` leads to
    std::filesystem::path temporary_;
    Replacing replacing_;
    bool direct_ = false;  ///< the target itself is written into
    int descriptor_ = -1;
    int slot_ = -1;  ///< in the list that remove_temporary_files goes through
};

/// Removes the temporary files of every AtomicFile not yet committed; safe in a signal handler that ends the process.
void remove_temporary_files() noexcept;

/// Removes from a folder what killed processes of this machine were writing there to become one of `names`.
void remove_abandoned(const std::filesystem::path& folder, const std::set<std::string>& names) noexcept;

/// AtomicFile in one call.
std::filesystem::path write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                                 Replacing replacing = Replacing::Allowed);
std::filesystem::path write_file(const std::filesystem::path& path, std::string_view text,
                                 Replacing replacing = Replacing::Allowed);

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
