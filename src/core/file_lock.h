// A file that one program at a time may hold.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace reverie {

/// Holds `path` against every other FileLock on it, in this program or another; the file is made when missing and
/// removed at the end. `waiting` is called many times a second while another one holds it, and may throw. On a file
/// system without locks it holds nothing and lets everyone through. Throws Output, with that advice, when the file
/// cannot be made.
class FileLock {
  public:
    FileLock(std::filesystem::path path, const std::function<void()>& waiting,
             const std::string& advice = "make its folder writable or choose another");
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    std::filesystem::path path_;
    int descriptor_ = -1;
};

}  // namespace reverie
