// libtiff on memory instead of a file, with its complaints kept instead of printed.
#pragma once

#include <tiffio.h>

#include <array>
#include <cstdarg>

#include "image/raster.h"

namespace reverie::image {

class TiffFile {
  public:
    /// Opens bytes for reading. `handle()` is null when the first directory cannot be read.
    explicit TiffFile(Bytes bytes);
    /// Starts a new file; `big`: with 64-bit offsets.
    explicit TiffFile(bool big);
    ~TiffFile();
    TiffFile(const TiffFile&) = delete;
    TiffFile& operator=(const TiffFile&) = delete;

    TIFF* handle() const noexcept { return tiff_; }
    /// libtiff's first complaint, empty when all went well. It goes on after many a fault; we do not.
    const char* fault() const noexcept { return fault_.data(); }
    /// Something was wanted from beyond the end of the bytes.
    bool read_past_end() const noexcept { return read_past_end_; }

    /// After something was tried that may fail.
    void forget_faults() noexcept {
        fault_.front() = '\0';
        read_past_end_ = false;
    }

    /// Finishes a new file: its bytes.
    std::vector<std::byte> close();

  private:
    void open(const char* mode);
    void keep_fault(const char* format, va_list arguments);
    static int on_error(TIFF*, void* self, const char* module, const char* format, va_list arguments);
    static int on_warning(TIFF*, void* self, const char* module, const char* format, va_list arguments);
    static tmsize_t read(thandle_t self, void* target, tmsize_t count);
    static tmsize_t write(thandle_t self, void* source, tmsize_t count);
    static toff_t seek(thandle_t self, toff_t offset, int whence);
    static int close_nothing(thandle_t) { return 0; }
    static toff_t size(thandle_t self) { return static_cast<TiffFile*>(self)->total(); }

    std::uint64_t total() const noexcept { return writing_ ? written_.size() : bytes_.size(); }

    Bytes bytes_;
    std::vector<std::byte> written_;
    bool writing_ = false;
    std::uint64_t position_ = 0;
    std::array<char, 200> fault_ = {};
    bool read_past_end_ = false;
    TIFF* tiff_ = nullptr;
};

}  // namespace reverie::image
