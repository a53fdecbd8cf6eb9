// Animated WebP through libwebp, which composes its frames.
#include <ATen/ops/cat.h>
#include <webp/demux.h>

#include <cstring>

#include "image/raster.h"
#include "output/film_source.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie::output {
namespace {

template <typename T, void (*destroy)(T*)>
struct Destroy {
    void operator()(T* object) const noexcept { destroy(object); }
};

class WebPFrames : public FrameSource {
  public:
    WebPFrames(const std::filesystem::path& path, const FilmReadOptions& options) : path_(path), file_(path) {
        const WebPData data = {reinterpret_cast<const std::uint8_t*>(file_.bytes().data()), file_.bytes().size()};
        const std::unique_ptr<WebPDemuxer, Destroy<WebPDemuxer, WebPDemuxDelete>> demuxer(WebPDemux(&data));
        if (demuxer == nullptr) {
            fail("its container is damaged or its end is missing");
        }
        info_.width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
        info_.height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
        info_.frames = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT);
        info_.alpha = (WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & ALPHA_FLAG) != 0;
        info_.time_base = {1, 1000};
        info_.container = "webp";
        info_.codec = "webp";
        info_.color = {.matrix = 0, .full_range = true};
        if (info_.width * info_.height > options.limits.max_pixels) {
            throw_too_large(path, {info_.height, info_.width}, options.limits.max_pixels);
        }
        WebPAnimDecoderOptions threads;
        if (WebPAnimDecoderOptionsInit(&threads) != 0) {
            threads.use_threads = 1;
        }
        decoder_.reset(WebPAnimDecoderNew(&data, &threads));
        if (decoder_ == nullptr) {
            fail("libwebp cannot decode it");
        }
        rate(*demuxer);
    }

    const FilmInfo& info() const override { return info_; }

    std::optional<FilmFrame> next() override {
        std::uint8_t* canvas = nullptr;
        FilmTime time;
        if (!decode(canvas, time)) {
            return std::nullopt;
        }
        image::Raster raster({info_.height, info_.width}, 8, 3, 4);
        raster.has_alpha = true;
        std::memcpy(raster.data.get(), canvas, raster.row_bytes() * static_cast<std::size_t>(info_.height));
        const Picture picture = image::to_picture(std::move(raster), 1);
        return FilmFrame{info_.alpha ? at::cat({picture.color, picture.alpha}) : picture.color.contiguous(), time};
    }

    bool seek(std::int64_t pts) override {
        if (pts < start_) {
            WebPAnimDecoderReset(decoder_.get());
            start_ = 0;
        }
        std::uint8_t* canvas = nullptr;
        FilmTime passed;
        while (start_ < pts && decode(canvas, passed)) {
        }
        return start_ == pts && WebPAnimDecoderHasMoreFrames(decoder_.get()) != 0;
    }

  private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Error(ErrorKind::Input,
                    "'" + path_.string() + "' cannot be read as a film (" + what + "); get an undamaged copy of it");
    }

    bool decode(std::uint8_t*& canvas, FilmTime& time) {
        if (WebPAnimDecoderHasMoreFrames(decoder_.get()) == 0) {
            return false;
        }
        int end = 0;
        if (WebPAnimDecoderGetNext(decoder_.get(), &canvas, &end) == 0) {
            fail("a frame after " + std::to_string(start_) + " ms is damaged");
        }
        // A frame of no time is shown for a tick: two cannot begin at once.
        time = {start_, std::max<std::int64_t>(1, end - start_)};
        start_ += time.duration;
        return true;
    }

    /// Of the first frame.
    void rate(const WebPDemuxer& demuxer) {
        WebPIterator first = {};
        if (WebPDemuxGetFrame(&demuxer, 1, &first) != 0 && first.duration > 0) {
            info_.rate = reduced({1000, first.duration});
        }
        WebPDemuxReleaseIterator(&first);
    }

    std::filesystem::path path_;
    MappedFile file_;
    FilmInfo info_;
    std::unique_ptr<WebPAnimDecoder, Destroy<WebPAnimDecoder, WebPAnimDecoderDelete>> decoder_;
    std::int64_t start_ = 0;  ///< of the next frame, milliseconds
};

}  // namespace

std::unique_ptr<FrameSource> open_webp_film(const std::filesystem::path& path, const FilmReadOptions& options) {
    return std::make_unique<WebPFrames>(path, options);
}

}  // namespace reverie::output
