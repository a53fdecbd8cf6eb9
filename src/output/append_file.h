// A file that grows by whole pieces.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace reverie::output {

/// Each piece goes to the system in one write, so that whoever reads along, or a program that is killed, sees whole
/// pieces. Throws Output, naming the path.
class AppendFile {
  public:
    enum class Mode {
        Keep,  ///< goes on with a file that is there, or makes one
        New,   ///< takes no file that is there: see is_open()
    };
    AppendFile(std::filesystem::path path, Mode mode);
    ~AppendFile();
    AppendFile(const AppendFile&) = delete;
    AppendFile& operator=(const AppendFile&) = delete;

    /// False for a new file whose name is taken.
    bool is_open() const noexcept { return descriptor_ >= 0; }
    std::int64_t bytes() const noexcept { return bytes_; }
    char byte_at(std::int64_t position) const;
    /// Drops what is behind the first `bytes`.
    void cut(std::int64_t bytes);
    void append(std::string_view piece);

  private:
    [[noreturn]] void fail(const char* doing) const;

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::int64_t bytes_ = 0;
};

}  // namespace reverie::output
