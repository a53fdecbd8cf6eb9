#include "core/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "reverie/core/error.h"

namespace reverie {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() {
        if (value_ >= 0) {
            ::close(value_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const noexcept { return value_; }
    int release() noexcept { return std::exchange(value_, -1); }

  private:
    int value_;
};

/// Whether the open file is still the one that has the name.
bool has_name(int descriptor, const std::filesystem::path& path) {
    struct stat held {};
    struct stat named {};
    return ::fstat(descriptor, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

}  // namespace

FileLock::FileLock(std::filesystem::path path, const std::function<void()>& waiting, const std::string& advice)
    : path_(std::move(path)) {
    for (;;) {
        Descriptor file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
        if (file.get() < 0) {
            throw Error(ErrorKind::Output,
                        "'" + path_.string() + "' could not be made (" + std::strerror(errno) + "); " + advice);
        }
        while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                break;  // no locks here
            }
            waiting();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        // Whoever held it before has removed the name, and a lock on a nameless file keeps nobody out: take the new
        // one.
        if (has_name(file.get(), path_)) {
            descriptor_ = file.release();
            return;
        }
    }
}

FileLock::~FileLock() {
    ::unlink(path_.c_str());
    ::close(descriptor_);
}

}  // namespace reverie
