// GIF through giflib, frame by frame into the file.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <bit>

#include "output/film.h"
#include "output/palette.h"
#include "reverie/core/files.h"

namespace reverie::output {
namespace {

struct FreeMap {
    void operator()(ColorMapObject* map) const noexcept { GifFreeMapObject(map); }
};

class Gif : public Film {
  public:
    Gif(const std::filesystem::path& path, const FilmWriteOptions& options)
        : path_(path), file_(path, options.replacing), options_(options) {
        int code = 0;
        gif_ = EGifOpen(this, write, &code);
        if (gif_ == nullptr) {
            throw_unwritable(path_, GifErrorString(code));
        }
        EGifSetGifVersion(gif_, true);  // 89a, which knows delays
    }
    ~Gif() override { close(); }
    Gif(const Gif&) = delete;
    Gif& operator=(const Gif&) = delete;

    Keeping keeping() const override { return Keeping::Film; }

    Samples begin(Size /*size*/, bool alpha, std::int64_t /*first*/) override {
        if (alpha) {
            notes_.push_back("'" + path_.string() +
                             "' cannot keep soft transparency, so it is put on white; .webp does");
        }
        return {8, false};
    }

    void add(const image::Raster& raster, FilmTime time, bool /*cut*/) override {
        const auto height = static_cast<int>(raster.size.height);
        const auto width = static_cast<int>(raster.size.width);
        if (count_ == 0) {
            start(height, width);
        }
        Paletted content = to_palette(raster);
        put_delay(time.duration);
        // The format's palettes have a power of two of colours, two at least.
        std::vector<GifColorType> colors(std::max<std::size_t>(2, std::bit_ceil(content.palette.size())));
        for (std::size_t i = 0; i < content.palette.size(); ++i) {
            colors[i] = {content.palette[i][0], content.palette[i][1], content.palette[i][2]};
        }
        const std::unique_ptr<ColorMapObject, FreeMap> map(
            GifMakeMapObject(static_cast<int>(colors.size()), colors.data()));
        check(map != nullptr && EGifPutImageDesc(gif_, 0, 0, width, height, false, map.get()) == GIF_OK);
        for (int y = 0; y < height; ++y) {
            check(EGifPutLine(gif_, content.indices.data() + std::size_t(y) * std::size_t(width), width) == GIF_OK);
        }
        ++count_;
    }

    std::filesystem::path finish(const std::vector<FilmTime>& /*times*/) override {
        check(close() == GIF_OK);
        return file_.commit();
    }

    std::filesystem::path finish_as(const std::filesystem::path& path,
                                    const std::vector<FilmTime>& /*times*/) override {
        check(close() == GIF_OK);
        std::error_code error;
        std::filesystem::rename(file_.temporary(), path, error);
        if (error) {
            throw_unwritable(path, error.message());
        }
        return path;
    }

  private:
    void start(int height, int width) {
        constexpr int kColorBits = 8;
        check(EGifPutScreenDesc(gif_, width, height, kColorBits, 0, nullptr) == GIF_OK);
        if (options_.loop) {
            constexpr std::array<GifByteType, 3> kForEver = {1, 0, 0};
            check(EGifPutExtensionLeader(gif_, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
                  EGifPutExtensionBlock(gif_, 11, "NETSCAPE2.0") == GIF_OK &&
                  EGifPutExtensionBlock(gif_, kForEver.size(), kForEver.data()) == GIF_OK &&
                  EGifPutExtensionTrailer(gif_) == GIF_OK);
        }
    }

    /// Of hundredths of a second so many that the frames' sum stays right.
    void put_delay(std::int64_t duration) {
        constexpr std::int64_t kLongest = 0xffff;
        ticks_ += duration;
        const std::int64_t end = reverie::output::elapsed(ticks_, options_.time_base, units_per_second(path_));
        const GraphicsControlBlock control = {.DisposalMode = DISPOSE_DO_NOT,
                                              .UserInputFlag = false,
                                              .DelayTime = static_cast<int>(std::min(kLongest, end - elapsed_)),
                                              .TransparentColor = NO_TRANSPARENT_COLOR};
        elapsed_ = end;
        std::array<GifByteType, 4> bytes{};
        EGifGCBToExtension(&control, bytes.data());
        check(EGifPutExtension(gif_, GRAPHICS_EXT_FUNC_CODE, bytes.size(), bytes.data()) == GIF_OK);
    }

    int close() {
        int code = 0;
        const int status = gif_ == nullptr ? GIF_OK : EGifCloseFile(gif_, &code);
        gif_ = nullptr;
        return status;
    }

    void check(bool good) {
        if (fault_) {
            std::rethrow_exception(fault_);
        }
        if (!good) {
            throw_unwritable(path_, "giflib failed");
        }
    }

    /// An exception must not cross giflib: it waits until the call is over.
    static int write(GifFileType* gif, const GifByteType* bytes, int length) {
        auto* self = static_cast<Gif*>(gif->UserData);
        try {
            self->file_.write(std::as_bytes(std::span(bytes, static_cast<std::size_t>(length))));
            return length;
        } catch (...) {
            self->fault_ = std::current_exception();
            return 0;
        }
    }

    std::filesystem::path path_;
    AtomicFile file_;
    FilmWriteOptions options_;
    GifFileType* gif_ = nullptr;
    std::exception_ptr fault_;
    std::int64_t count_ = 0;
    std::int64_t ticks_ = 0;
    std::int64_t elapsed_ = 0;  ///< hundredths of a second
};

}  // namespace

std::unique_ptr<Film> make_gif(const std::filesystem::path& path, const FilmWriteOptions& options) {
    return std::make_unique<Gif>(path, options);
}

}  // namespace reverie::output
