#include "fuzz/scratch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace reverie::fuzz {
namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::error_code fault;
        const fs::path memory = "/dev/shm";
        const bool has_memory = fs::is_directory(memory, fault) && ::access(memory.c_str(), W_OK) == 0;
        path = (has_memory ? memory : fs::temp_directory_path()) / ("reverie-fuzz-" + std::to_string(::getpid()));
        fs::create_directories(path);
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    fs::path path;
};

}  // namespace

const fs::path& scratch_folder() {
    static const Folder folder;
    return folder.path;
}

fs::path put(const std::string& name, Bytes bytes) {
    fs::path path = scratch_folder() / name;
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written =
        descriptor >= 0 && ::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    ::close(descriptor);
    if (!written) {
        throw std::runtime_error("'" + path.string() + "' cannot be written: the place for scratch files is full");
    }
    return path;
}

bool is_read(std::initializer_list<ErrorKind> kinds, const std::function<void()>& read) {
    try {
        read();
        return true;
    } catch (const Error& error) {
        if (std::find(kinds.begin(), kinds.end(), error.kind()) == kinds.end()) {
            throw Finding("an error of the wrong kind (exit code " + std::to_string(exit_code(error.kind())) +
                          "): " + error.what());
        }
        require(*error.what() != '\0', "an error without a message");
        return false;
    } catch (const Finding&) {
        throw;
    } catch (const std::exception& error) {
        throw Finding(std::string("an exception of another library: ") + error.what());
    }
}

void require(bool holds, const char* what) {
    if (!holds) {
        throw Finding(what);
    }
}

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

}  // namespace reverie::fuzz
