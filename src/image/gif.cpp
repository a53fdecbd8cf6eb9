// GIF through giflib: the first frame on its canvas. Films are not read here.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "image/codecs.h"
#include "reverie/core/error.h"

namespace reverie::image {
namespace {

class GifReader {
  public:
    GifReader(Bytes bytes, std::string name) : rest_(bytes), name_(std::move(name)) {
        int fault = 0;
        gif_ = DGifOpen(this, read_bytes, &fault);
        if (gif_ == nullptr) {
            fail(fault);
        }
        find_frame();
    }
    ~GifReader() {
        int ignored = 0;
        DGifCloseFile(gif_, &ignored);
    }
    GifReader(const GifReader&) = delete;
    GifReader& operator=(const GifReader&) = delete;

    /// The canvas, or the first frame where the file names none.
    Size size() const {
        return {gif_->SHeight > 0 ? gif_->SHeight : gif_->Image.Height,
                gif_->SWidth > 0 ? gif_->SWidth : gif_->Image.Width};
    }

    Raster read() {
        const Size canvas = size();
        const GifImageDesc& frame = gif_->Image;
        const ColorMapObject* palette = frame.ColorMap != nullptr ? frame.ColorMap : gif_->SColorMap;
        if (palette == nullptr) {
            throw_damaged(name_, "it has no table of colours");
        }
        const bool fills =
            frame.Left == 0 && frame.Top == 0 && frame.Width >= canvas.width && frame.Height >= canvas.height;
        const bool has_alpha = transparent_ >= 0 || !fills;
        Raster raster(canvas, 8, 3, has_alpha ? 4 : 3);
        raster.has_alpha = has_alpha;
        std::vector<GifPixelType> row(static_cast<std::size_t>(std::max(frame.Width, 1)));
        for (int i = 0; i < frame.Height; ++i) {
            check(DGifGetLine(gif_, row.data(), frame.Width));
            const std::int64_t y = frame.Top + (frame.Interlace ? interlaced_row(i, frame.Height) : i);
            if (y < canvas.height) {
                put_row(row, *palette, raster, y);
            }
        }
        if (!fills) {
            clear_around(raster);
        }
        if (more_frames()) {
            raster.notes.push_back(first_picture_note(name_, "frames"));
        }
        return raster;
    }

  private:
    static int read_bytes(GifFileType* gif, GifByteType* target, int count) {
        auto* self = static_cast<GifReader*>(gif->UserData);
        const std::size_t given = std::min(self->rest_.size(), static_cast<std::size_t>(std::max(count, 0)));
        if (given > 0) {
            std::memcpy(target, self->rest_.data(), given);
        }
        self->rest_ = self->rest_.subspan(given);
        self->read_past_end_ |= given < static_cast<std::size_t>(std::max(count, 0));
        return static_cast<int>(given);
    }

    [[noreturn]] void fail(int fault) const {
        if (read_past_end_) {
            throw_truncated(name_);
        }
        const char* text = GifErrorString(fault);
        throw_damaged(name_, text != nullptr ? text : "its pixels cannot be read");
    }

    void check(int status) {
        if (status != GIF_OK) {
            const int fault = gif_->Error;
            fail(fault);
        }
    }

    /// To the first frame's pixels, past comments and the like; what colour index is transparent is said on the way.
    void find_frame() {
        try {
            while (next_record() != IMAGE_DESC_RECORD_TYPE) {
            }
            check(DGifGetImageDesc(gif_));
        } catch (...) {
            int ignored = 0;
            DGifCloseFile(gif_, &ignored);
            throw;
        }
    }

    GifRecordType next_record() {
        GifRecordType type = UNDEFINED_RECORD_TYPE;
        check(DGifGetRecordType(gif_, &type));
        if (type == EXTENSION_RECORD_TYPE) {
            skip_extension();
        } else if (type != IMAGE_DESC_RECORD_TYPE) {
            throw_damaged(name_, "it holds no picture");
        }
        return type;
    }

    void skip_extension() {
        int code = 0;
        GifByteType* block = nullptr;  // its length, then its bytes
        check(DGifGetExtension(gif_, &code, &block));
        while (block != nullptr) {
            if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4) {
                transparent_ = (block[1] & 1) != 0 ? block[4] : NO_TRANSPARENT_COLOR;
            }
            check(DGifGetExtensionNext(gif_, &block));
        }
    }

    /// Four passes: every eighth row, those between, and so on.
    static int interlaced_row(int i, int height) {
        constexpr std::array<std::pair<int, int>, 4> kPasses = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};  // first, step
        for (const auto& [first, step] : kPasses) {
            const int rows = height > first ? (height - first + step - 1) / step : 0;
            if (i < rows) {
                return first + i * step;
            }
            i -= rows;
        }
        return 0;
    }

    void put_row(const std::vector<GifPixelType>& row, const ColorMapObject& palette, Raster& raster, std::int64_t y) {
        const std::int64_t left = gif_->Image.Left;
        const std::int64_t count = std::clamp<std::int64_t>(raster.size.width - left, 0, gif_->Image.Width);
        std::byte* pixel = raster.row(y) + left * raster.channels;
        for (std::int64_t x = 0; x < count; ++x, pixel += raster.channels) {
            const int index = row[static_cast<std::size_t>(x)];
            const GifColorType color = index < palette.ColorCount ? palette.Colors[index] : GifColorType{};
            pixel[0] = static_cast<std::byte>(color.Red);
            pixel[1] = static_cast<std::byte>(color.Green);
            pixel[2] = static_cast<std::byte>(color.Blue);
            if (raster.has_alpha) {
                pixel[3] = index == transparent_ ? std::byte{0} : std::byte{255};
            }
        }
    }

    /// What the first frame leaves of the canvas is transparent.
    void clear_around(Raster& raster) const {
        const GifImageDesc& frame = gif_->Image;
        const std::int64_t left = std::min<std::int64_t>(frame.Left, raster.size.width);
        const std::int64_t right = std::min<std::int64_t>(left + frame.Width, raster.size.width);
        const auto clear = [&](std::int64_t y, std::int64_t from, std::int64_t to) {
            std::fill(raster.row(y) + from * raster.channels, raster.row(y) + to * raster.channels, std::byte{0});
        };
        for (std::int64_t y = 0; y < raster.size.height; ++y) {
            const bool beside = y >= frame.Top && y < frame.Top + frame.Height;
            clear(y, 0, beside ? left : raster.size.width);
            if (beside) {
                clear(y, right, raster.size.width);
            }
        }
    }

    /// Whatever is wrong behind the first frame does not matter.
    bool more_frames() {
        try {
            for (;;) {
                if (next_record() == IMAGE_DESC_RECORD_TYPE) {
                    return true;
                }
            }
        } catch (const Error&) {
            return false;
        }
    }

    Bytes rest_;
    std::string name_;
    GifFileType* gif_ = nullptr;
    int transparent_ = NO_TRANSPARENT_COLOR;
    bool read_past_end_ = false;
};

}  // namespace

Header gif_header(Bytes bytes, const std::string& name) { return {GifReader(bytes, name).size()}; }

Raster decode_gif(Bytes bytes, const Header&, const std::string& name) { return GifReader(bytes, name).read(); }

}  // namespace reverie::image
