#include "image/tiff_file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace reverie::image {
namespace {

/// The most libtiff may take at once: what it holds inside is a strip's packed bytes or a few rows, never the picture.
constexpr tmsize_t kMostInternalBytes = tmsize_t{256} << 20;

}  // namespace

TiffFile::TiffFile(Bytes bytes) : bytes_(bytes) { open("rm"); }

TiffFile::TiffFile(bool big) : writing_(true) { open(big ? "w8" : "w"); }

TiffFile::~TiffFile() {
    if (tiff_ != nullptr) {
        TIFFClose(tiff_);
    }
}

void TiffFile::open(const char* mode) {
    TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
    if (options == nullptr) {
        throw std::bad_alloc();
    }
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, kMostInternalBytes + 2 * static_cast<tmsize_t>(bytes_.size()));
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, this);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, this);
    tiff_ = TIFFClientOpenExt("picture", mode, this, read, write, seek, close_nothing, size, nullptr, nullptr, options);
    TIFFOpenOptionsFree(options);
}

std::vector<std::byte> TiffFile::close() {
    TIFFClose(std::exchange(tiff_, nullptr));
    return std::move(written_);
}

void TiffFile::keep_fault(const char* format, va_list arguments) {
    if (fault_.front() == '\0') {
        std::vsnprintf(fault_.data(), fault_.size(), format, arguments);
    }
}

int TiffFile::on_error(TIFF*, void* self, const char*, const char* format, va_list arguments) {
    static_cast<TiffFile*>(self)->keep_fault(format, arguments);
    return 1;  // dealt with: libtiff prints nothing
}

int TiffFile::on_warning(TIFF*, void* self, const char* module, const char* format, va_list arguments) {
    // Unknown tags and the like are harmless; libjpeg's warnings mean damaged pixels.
    if (module != nullptr && std::string_view(module) == "JPEGLib") {
        static_cast<TiffFile*>(self)->keep_fault(format, arguments);
    }
    return 1;
}

tmsize_t TiffFile::read(thandle_t handle, void* target, tmsize_t count) {
    auto* self = static_cast<TiffFile*>(handle);
    const auto wanted = static_cast<std::uint64_t>(std::max<tmsize_t>(count, 0));
    const std::uint64_t left = self->total() - std::min(self->position_, self->total());
    const std::uint64_t given = std::min(wanted, left);
    self->read_past_end_ |= given < wanted;
    if (given > 0) {
        const std::byte* source = self->writing_ ? self->written_.data() : self->bytes_.data();
        std::memcpy(target, source + self->position_, given);
        self->position_ += given;
    }
    return static_cast<tmsize_t>(given);
}

tmsize_t TiffFile::write(thandle_t handle, void* source, tmsize_t count) {
    auto* self = static_cast<TiffFile*>(handle);
    const auto length = static_cast<std::uint64_t>(std::max<tmsize_t>(count, 0));
    try {
        self->written_.resize(std::max<std::uint64_t>(self->written_.size(), self->position_ + length));
    } catch (const std::bad_alloc&) {
        return -1;
    }
    std::memcpy(self->written_.data() + self->position_, source, length);
    self->position_ += length;
    return count;
}

toff_t TiffFile::seek(thandle_t handle, toff_t offset, int whence) {
    auto* self = static_cast<TiffFile*>(handle);
    const std::uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? self->position_ : self->total();
    self->position_ = base + offset;
    return self->position_;
}

}  // namespace reverie::image
