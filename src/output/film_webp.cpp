// Animated WebP through libwebpmux, which holds the frames compressed until the end.
#include <webp/encode.h>
#include <webp/mux.h>

#include <cmath>

#include "image/raster.h"
#include "output/film.h"
#include "reverie/core/files.h"

namespace reverie::output {
namespace {

struct DeleteEncoder {
    void operator()(WebPAnimEncoder* encoder) const noexcept { WebPAnimEncoderDelete(encoder); }
};
struct FreePicture {
    void operator()(WebPPicture* picture) const noexcept { WebPPictureFree(picture); }
};
struct ClearData {
    void operator()(WebPData* data) const noexcept { WebPDataClear(data); }
};

class WebPFilm : public Film {
  public:
    WebPFilm(const std::filesystem::path& path, const AnimationOptions& options)
        : path_(path), file_(path), options_(options) {
        if (WebPConfigPreset(&config_, WEBP_PRESET_PHOTO, static_cast<float>(options.quality)) == 0) {
            throw_unwritable(path_, "libwebp has another version than its headers");
        }
        config_.thread_level = 1;
    }

    void add(const Picture& frame) override {
        const image::Raster raster = image::to_raster(frame, 8, true);
        if (encoder_ == nullptr) {
            start(raster.size);
        }
        WebPPicture picture;
        if (WebPPictureInit(&picture) == 0) {
            throw_unwritable(path_, "libwebp has another version than its headers");
        }
        const std::unique_ptr<WebPPicture, FreePicture> owner(&picture);
        picture.use_argb = 1;
        picture.width = static_cast<int>(raster.size.width);
        picture.height = static_cast<int>(raster.size.height);
        const auto* samples = reinterpret_cast<const std::uint8_t*>(raster.data.get());
        const auto stride = static_cast<int>(raster.row_bytes());
        const bool imported = raster.has_alpha ? WebPPictureImportRGBA(&picture, samples, stride) != 0
                                               : WebPPictureImportRGB(&picture, samples, stride) != 0;
        if (!imported || WebPAnimEncoderAdd(encoder_.get(), &picture, milliseconds(), &config_) == 0) {
            throw_unwritable(path_, WebPAnimEncoderGetError(encoder_.get()));
        }
        ++count_;
    }

    void finish() override {
        WebPData data = {};
        // The last addition has no picture and says when the last frame ends.
        if (WebPAnimEncoderAdd(encoder_.get(), nullptr, milliseconds(), nullptr) == 0 ||
            WebPAnimEncoderAssemble(encoder_.get(), &data) == 0) {
            throw_unwritable(path_, WebPAnimEncoderGetError(encoder_.get()));
        }
        const std::unique_ptr<WebPData, ClearData> owner(&data);
        file_.write(std::as_bytes(std::span(data.bytes, data.size)));
        file_.commit();
    }

  private:
    void start(Size size) {
        check_side(path_, size, WEBP_MAX_DIMENSION);
        WebPAnimEncoderOptions options;
        if (WebPAnimEncoderOptionsInit(&options) != 0) {
            options.anim_params.loop_count = options_.loop ? 0 : 1;
            encoder_.reset(WebPAnimEncoderNew(static_cast<int>(size.width), static_cast<int>(size.height), &options));
        }
        if (encoder_ == nullptr) {
            throw_unwritable(path_, "libwebp did not start");
        }
    }

    /// When the next frame begins.
    int milliseconds() const {
        return static_cast<int>(std::lround(static_cast<double>(count_) * 1000 / options_.fps));
    }

    std::filesystem::path path_;
    AtomicFile file_;
    AnimationOptions options_;
    WebPConfig config_;
    std::unique_ptr<WebPAnimEncoder, DeleteEncoder> encoder_;
    std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Film> make_webp(const std::filesystem::path& path, const AnimationOptions& options) {
    return std::make_unique<WebPFilm>(path, options);
}

}  // namespace reverie::output
