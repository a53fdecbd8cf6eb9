#include "output/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/parent_folder.h"
#include "reverie/core/error.h"

namespace reverie::output {

AppendFile::AppendFile(std::filesystem::path path, Mode mode) : path_(std::move(path)) {
    make_parent_folder(path_);
    descriptor_ =
        ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (mode == Mode::New ? O_EXCL : 0), 0666);
    if (descriptor_ < 0) {
        if (mode == Mode::New && errno == EEXIST) {
            return;
        }
        fail("made");
    }
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) {
        ::close(descriptor_);
        fail("read");
    }
    bytes_ = status.st_size;
}

AppendFile::~AppendFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

char AppendFile::byte_at(std::int64_t position) const {
    char byte = 0;
    if (::pread(descriptor_, &byte, 1, position) != 1) {
        fail("read");
    }
    return byte;
}

void AppendFile::cut(std::int64_t bytes) {
    if (::ftruncate(descriptor_, bytes) != 0) {
        fail("cut");
    }
    bytes_ = bytes;
}

void AppendFile::append(std::string_view piece) {
    ssize_t count = 0;
    do {
        count = ::write(descriptor_, piece.data(), piece.size());
    } while (count < 0 && errno == EINTR);
    if (count != static_cast<ssize_t>(piece.size())) {
        const int why = count < 0 ? errno : ENOSPC;           // what a short write to a file means
        static_cast<void>(::ftruncate(descriptor_, bytes_));  // no half piece stays
        errno = why;
        fail("written");
    }
    bytes_ += count;
}

void AppendFile::fail(const char* doing) const {
    throw Error(ErrorKind::Output, "'" + path_.string() + "' could not be " + doing + " (" + std::strerror(errno) +
                                       "); free space or choose another place");
}

}  // namespace reverie::output
