#include "data/random_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "reverie/core/error.h"

namespace reverie::data {

RandomFile::RandomFile(std::filesystem::path path) : path_(std::move(path)) {
    // Without O_NONBLOCK a pipe would be waited for before it can be refused.
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
        throw Error(ErrorKind::Input, "'" + path_.string() + "' cannot be read (" + std::strerror(errno) +
                                          "); check the path and its permissions");
    }
    if (!S_ISREG(status.st_mode)) {
        ::close(descriptor_);
        throw Error(ErrorKind::Input, "'" + path_.string() + "' is not a regular file; a file of images was wanted");
    }
    size_ = status.st_size;
    time_ = status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
}

RandomFile::RandomFile(int descriptor, std::filesystem::path path, std::int64_t time)
    : path_(std::move(path)), descriptor_(descriptor), time_(time) {}

RandomFile::~RandomFile() { ::close(descriptor_); }

void RandomFile::read(std::int64_t offset, std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
        const ssize_t count = ::pread(descriptor_, bytes.data(), bytes.size(), offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            throw Error(ErrorKind::Input, "'" + path_.string() + "' could not be read at byte " +
                                              std::to_string(offset) + " (" +
                                              (count < 0 ? std::strerror(errno) : "it has become shorter") +
                                              "); check the disk and that nothing else writes it");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += count;
    }
}

}  // namespace reverie::data
