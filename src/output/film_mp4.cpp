// MP4 through the plugin beside this library.
#include <cstring>
#include <stdexcept>

#include "core/plugin.h"
#include "image/raster.h"
#include "output/film.h"
#include "output/mp4_plugin.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie::output {
namespace {

/// Loaded once and kept.
OpenMp4* load_plugin() {
    static OpenMp4* const open = [] {
        try {
            return reinterpret_cast<OpenMp4*>(plugin_function("libreverie_mp4.so", kOpenMp4Name));
        } catch (const std::runtime_error& error) {
            throw Error(ErrorKind::Output, std::string("MP4 cannot be written on this machine (") + error.what() +
                                               "); install FFmpeg's libraries, or write .gif or .webp");
        }
    }();
    return open;
}

std::int64_t even(std::int64_t side) { return side + side % 2; }

class Mp4 : public Film {
  public:
    Mp4(const std::filesystem::path& path, const AnimationOptions& options)
        : path_(path), open_(load_plugin()), file_(path, options.replacing), fps_(options.fps) {}

    void add(const Picture& frame) override {
        const image::Raster raster = image::to_raster(frame, 8, false);
        const Size size = {even(raster.size.height), even(raster.size.width)};
        const auto row_bytes = static_cast<std::size_t>(3 * size.width);
        std::vector<std::uint8_t> pixels(row_bytes * static_cast<std::size_t>(size.height));
        for (std::int64_t y = 0; y < size.height; ++y) {
            std::uint8_t* row = pixels.data() + row_bytes * static_cast<std::size_t>(y);
            std::memcpy(row, raster.row(std::min(y, raster.size.height - 1)), raster.row_bytes());
            if (raster.row_bytes() < row_bytes) {
                std::memcpy(row + raster.row_bytes(), row + raster.row_bytes() - 3, 3);
            }
        }
        guarded([&] {
            if (encoder_ == nullptr) {
                encoder_ =
                    open_(file_.temporary().c_str(), static_cast<int>(size.width), static_cast<int>(size.height), fps_);
            }
            encoder_->add(pixels.data());
        });
    }

    std::filesystem::path finish() override {
        guarded([&] { encoder_->finish(); });
        return file_.commit();
    }

  private:
    template <typename Call>
    void guarded(Call&& call) {
        try {
            call();
        } catch (const std::runtime_error& error) {
            throw_unwritable(path_, error.what());
        }
    }

    std::filesystem::path path_;
    OpenMp4* open_;
    AtomicFile file_;
    double fps_;
    std::unique_ptr<Mp4Encoder> encoder_;
};

}  // namespace

std::unique_ptr<Film> make_mp4(const std::filesystem::path& path, const AnimationOptions& options) {
    return std::make_unique<Mp4>(path, options);
}

}  // namespace reverie::output
