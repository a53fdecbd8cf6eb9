#include "part_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "reverie/core/error.h"

namespace reverie {

PartFile::PartFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) {
        fail();
    }
    size_ = ::lseek(descriptor_, 0, SEEK_END);
}

PartFile::~PartFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        if (size_ == 0) {
            ::unlink(path_.c_str());
        }
    }
}

void PartFile::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            fail();
        }
        size_ += count;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void PartFile::clear() {
    if (::ftruncate(descriptor_, 0) != 0) {
        fail();
    }
    size_ = 0;
}

void PartFile::rename_to(const std::filesystem::path& destination) {
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) {
        fail();
    }
    if (::rename(path_.c_str(), destination.c_str()) != 0) {
        fail();
    }
    ::close(std::exchange(descriptor_, -1));
}

void PartFile::fail() const {
    throw Error(ErrorKind::Output, "'" + path_.string() + "' could not be written (" + std::strerror(errno) +
                                       "); free space there or set REVERIE_MODELS to another folder");
}

}  // namespace reverie
