#include "reverie/core/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/machine.h"
#include "core/parent_folder.h"
#include "core/write_all.h"

namespace reverie {
namespace {

constexpr std::size_t kKept = 200;  // of a name: file systems take 255 bytes, and more is added here

std::string reason() { return std::strerror(errno); }

/// Tells this machine's processes from those of others that write into the same folder: the numbers of processes count
/// within a host, and within a container.
const std::string& this_machine_tag() {
    static const std::string tag = [] {
        std::error_code ignored;
        const std::string place = host_name() + std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
        for (const char c : place) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        }
        std::array<char, 17> text{};
        std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(hash ^ (hash >> 32)));
        return std::string(text.data());
    }();
    return tag;
}

/// The temporary files under construction, in storage that is never freed: a signal handler may read it at any moment.
struct TemporaryName {
    enum State : int { Free, Claimed, Listed };
    std::atomic<int> state = Free;
    std::array<char, 4096> path;
};
static_assert(std::atomic<int>::is_always_lock_free);
std::array<TemporaryName, 16> g_temporary_names;

/// -1 when the list is full or the name too long: then that file only outlives a process that ends at once.
int list_temporary(const std::string& path) noexcept {
    for (std::size_t i = 0; i < g_temporary_names.size() && path.size() < g_temporary_names[i].path.size(); ++i) {
        TemporaryName& name = g_temporary_names[i];
        int expected = TemporaryName::Free;
        if (name.state.compare_exchange_strong(expected, TemporaryName::Claimed)) {
            std::copy_n(path.c_str(), path.size() + 1, name.path.begin());
            name.state = TemporaryName::Listed;
            return static_cast<int>(i);
        }
    }
    return -1;
}

void unlist_temporary(int slot) noexcept {
    if (slot >= 0) {
        g_temporary_names[static_cast<std::size_t>(slot)].state = TemporaryName::Free;
    }
}

class Descriptor {
  public:
    Descriptor(const std::filesystem::path& path, ErrorKind kind) : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (value_ < 0) {
            throw Error(kind, errno == ENOENT ? "'" + path.string() + "' does not exist; check the path"
                                              : "'" + path.string() + "' cannot be read (" + reason() +
                                                    "); check the path and its permissions");
        }
        struct stat status {};
        if (::fstat(value_, &status) != 0 || S_ISDIR(status.st_mode)) {
            ::close(value_);
            throw Error(kind, "'" + path.string() + "' is a folder; a file was wanted");
        }
        size_ = static_cast<std::size_t>(status.st_size);
    }
    ~Descriptor() { ::close(value_); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int value() const noexcept { return value_; }
    std::size_t size() const noexcept { return size_; }

  private:
    int value_;
    std::size_t size_ = 0;
};

}  // namespace

bool is_there(const std::filesystem::path& path) noexcept {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

std::vector<std::byte> read_file(const std::filesystem::path& path, ErrorKind kind) {
    const Descriptor file(path, kind);
    std::vector<std::byte> bytes;
    constexpr std::size_t kChunk = 1 << 20;  // also reads what has no size in advance: pipes, /dev/stdin
    std::size_t filled = 0;
    for (;;) {
        if (filled == bytes.size()) {  // one byte more than the size, so that the end is seen without growing
            bytes.resize(filled == 0 && file.size() > 0 ? file.size() + 1 : filled + kChunk);
        }
        const ssize_t count = ::read(file.value(), bytes.data() + filled, bytes.size() - filled);
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw Error(kind,
                        "'" + path.string() + "' could not be read to its end (" + reason() + "); check the disk");
        }
        if (count == 0) {
            break;
        }
        filled += static_cast<std::size_t>(count);
    }
    bytes.resize(filled);
    return bytes;
}

std::filesystem::path written_path(const std::filesystem::path& path) {
    constexpr int kMostLinks = 40;  // as many as the system follows
    std::filesystem::path target = path;
    std::error_code error;
    for (int links = 0; std::filesystem::is_symlink(std::filesystem::symlink_status(target, error)); ++links) {
        const std::filesystem::path next = std::filesystem::read_symlink(target, error);
        if (error || links == kMostLinks) {
            throw Error(ErrorKind::Output, "'" + path.string() + "' is a symbolic link that leads " +
                                               (error ? "nowhere" : "round in a circle") +
                                               "; remove it or choose another place");
        }
        target = target.parent_path() / next;  // an absolute one replaces it
    }
    // A folder that is missing may be a disk that is not mounted: nothing is made in its place.
    if (target != path && target.has_parent_path() && !std::filesystem::is_directory(target.parent_path(), error)) {
        throw Error(ErrorKind::Output, "'" + path.string() + "' is a symbolic link to '" + target.string() +
                                           "', whose folder does not exist; make the folder or remove the link");
    }
    return target;
}

AtomicFile::AtomicFile(std::filesystem::path path, Replacing replacing)
    : path_(std::move(path)), target_(path_), replacing_(replacing) {
    static std::atomic<unsigned> counter = 0;
    struct stat status {};
    const bool exists = ::stat(path_.c_str(), &status) == 0;
    // A device or pipe is found by its name alone: the links below /proc lead to no path.
    if (exists && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        direct_ = true;
        temporary_ = path_;
        descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
        if (descriptor_ < 0) {
            fail("opened");
        }
        return;
    }
    target_ = written_path(path_);
    if (exists && S_ISREG(status.st_mode) && replacing_ == Replacing::Allowed && ::access(path_.c_str(), W_OK) != 0) {
        fail("replaced");
    }
    const std::filesystem::path folder = make_parent_folder(target_);
    temporary_ = folder / ("." + target_.filename().string().substr(0, kKept) + "." + std::to_string(::getpid()) + "-" +
                           std::to_string(counter++) + "-" + this_machine_tag() + ".partial");
    // Listed first: a signal between the two finds no file, which is harmless.
    slot_ = list_temporary(temporary_.string());
    const bool replaces = exists && S_ISREG(status.st_mode);
    const mode_t mode = replaces ? status.st_mode & 0777 : 0666;  // never readable by more than the file will be
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode | S_IWUSR);
    if (descriptor_ < 0) {
        unlist_temporary(slot_);
        fail("made");
    }
    if (replaces) {
        // The owner first, which would clear bits of the mode. Who may not give files away keeps what he has made.
        const bool given = (status.st_uid == ::geteuid() && status.st_gid == ::getegid()) ||
                           ::fchown(descriptor_, status.st_uid, status.st_gid) == 0;
        static_cast<void>(::fchmod(descriptor_, status.st_mode & (given ? 07777 : 0777)));
    }
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        if (!direct_) {
            ::unlink(temporary_.c_str());
        }
    }
    unlist_temporary(slot_);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    if (const int fault = write_all(descriptor_, bytes); fault != 0) {
        errno = fault;
        fail("written");
    }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

bool AtomicFile::take_free_name(const std::filesystem::path& name) const {
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno == EINVAL || errno == ENOSYS) {  // a file system that cannot: a second name is never given over a first
        if (::link(temporary_.c_str(), name.c_str()) == 0) {
            ::unlink(temporary_.c_str());
            return true;
        }
        if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK) {  // nor that: the name is claimed beforehand
            const int claimed = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (claimed >= 0) {
                ::close(claimed);
                if (::rename(temporary_.c_str(), name.c_str()) == 0) {
                    return true;
                }
                const int why = errno;
                ::unlink(name.c_str());
                errno = why;
            }
        }
    }
    if (errno == EEXIST) {
        return false;
    }
    fail("written");
}

std::filesystem::path AtomicFile::commit() {
    // fsync before rename: after a power cut the final name holds either the old file or the whole new one.
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP) {
        fail("written");
    }
    const int closed = ::close(std::exchange(descriptor_, -1));
    if (direct_) {
        if (closed != 0) {
            fail("written");
        }
        return path_;
    }
    /// Until it has its name: what is thrown on the way leaves nothing behind.
    struct Remains {
        const char* name;
        ~Remains() {
            if (name != nullptr) {
                ::unlink(name);
            }
        }
    } remains{temporary_.c_str()};
    if (closed != 0) {
        fail("written");
    }
    std::filesystem::path got = path_;
    if (replacing_ == Replacing::Allowed) {
        if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
            fail("written");
        }
    } else {
        std::filesystem::path name = target_;
        for (int number = 2; !take_free_name(name); ++number) {
            if (replacing_ == Replacing::Withdrawn) {
                return {};
            }
            name.replace_filename(target_.stem().string().substr(0, kKept) + "." + std::to_string(number) +
                                  target_.extension().string().substr(0, kKept / 10));
            got = name;
        }
    }
    remains.name = nullptr;
    return got;
}

void AtomicFile::fail(const char* doing) const {
    const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    const bool closed = errno == EACCES || errno == EPERM || errno == EROFS;
    throw Error(ErrorKind::Output, "'" + path_.string() + "' could not be " + doing + " (" + reason() + "); " +
                                       (full     ? "free space or "
                                        : closed ? "make it and its folder writable or "
                                                 : "") +
                                       "choose another place");
}

void remove_temporary_files() noexcept {
    for (const TemporaryName& name : g_temporary_names) {
        if (name.state == TemporaryName::Listed) {
            ::unlink(name.path.data());
        }
    }
}

void remove_abandoned(const std::filesystem::path& folder, const std::set<std::string>& names) noexcept {
    try {
        const std::string end_of_ours = "-" + this_machine_tag();
        constexpr std::string_view kEnd = ".partial";
        std::set<std::string> kept;
        for (const std::string& name : names) {
            kept.insert(name.substr(0, kKept));
        }
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const std::string name = entry.path().filename();
            if (!name.starts_with('.') || !name.ends_with(kEnd)) {
                continue;
            }
            const std::string_view inner = std::string_view(name).substr(1, name.size() - 1 - kEnd.size());
            const std::size_t dot = inner.rfind('.');
            if (dot == std::string_view::npos || !inner.ends_with(end_of_ours) ||
                !kept.contains(std::string(inner.substr(0, dot)))) {
                continue;
            }
            pid_t owner = 0;
            const char* const end = inner.data() + inner.size();
            const auto [stop, fault] = std::from_chars(inner.data() + dot + 1, end, owner);
            if (fault == std::errc() && stop != end && *stop == '-' && owner > 0 && ::kill(owner, 0) != 0 &&
                errno == ESRCH) {
                ::unlink(entry.path().c_str());
            }
        }
    } catch (const std::exception&) {
        // What cannot be listed is left as it is: it lies there hidden.
    }
}

std::filesystem::path write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                                 Replacing replacing) {
    AtomicFile file(path, replacing);
    file.write(bytes);
    return file.commit();
}

std::filesystem::path write_file(const std::filesystem::path& path, std::string_view text, Replacing replacing) {
    return write_file(path, std::as_bytes(std::span(text.data(), text.size())), replacing);
}

MappedFile::MappedFile(const std::filesystem::path& path, ErrorKind kind) : path_(path) {
    const Descriptor file(path, kind);
    if (file.size() == 0) {
        return;  // nothing to map; an empty view
    }
    void* address = ::mmap(nullptr, file.size(), PROT_READ, MAP_PRIVATE, file.value(), 0);
    if (address == MAP_FAILED) {
        if (errno == ENOMEM) {  // not the file's fault
            throw Error(ErrorKind::Device, "memory ran out where '" + path.string() + "' was to be read (" +
                                               std::to_string(file.size()) + " bytes); " + way_to_more_memory());
        }
        throw Error(kind, "'" + path.string() + "' cannot be mapped into memory (" + reason() + ")");
    }
    bytes_ = {static_cast<const std::byte*>(address), file.size()};
}

void MappedFile::release(std::span<const std::byte> part) const noexcept {
    // Whole pages: what lies beside the part may still be wanted.
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
    if (begin < end) {
        // At worst it stays.
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a page's address
        ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) {
        ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    }
}

}  // namespace reverie
