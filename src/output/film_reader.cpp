#include "reverie/output/film_reader.h"

#include <ATen/ops/cat.h>
#include <sys/stat.h>

#include "image/raster.h"
#include "output/film_content.h"
#include "output/film_plugin.h"
#include "output/film_source.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie {
namespace output {
namespace {

/// What the plugin decodes, as tensors.
class FfmpegFilm : public FrameSource {
  public:
    explicit FfmpegFilm(const FilmSource& source)
        : decoder_(through_plugin([&] { return film_plugin(source.path, true).read(source); })),
          info_(decoder_->info()) {
        constexpr int kFirstLying = 5;
        const bool lies = decoder_->orientation() >= kFirstLying;
        stored_ = lies ? Size{info_.width, info_.height} : Size{info_.height, info_.width};
    }

    const FilmInfo& info() const override { return info_; }

    std::optional<FilmFrame> next() override {
        constexpr int kBits = 16;
        image::Raster raster(stored_, kBits, 3, info_.alpha ? 4 : 3);
        raster.has_alpha = info_.alpha;
        FilmFrame frame;
        if (!through_plugin(
                [&] { return decoder_->next(reinterpret_cast<std::uint16_t*>(raster.data.get()), frame.time); })) {
            return std::nullopt;
        }
        const Picture picture = image::to_picture(std::move(raster), decoder_->orientation());
        frame.image = picture.alpha.defined() ? at::cat({picture.color, picture.alpha}) : picture.color.contiguous();
        return frame;
    }

    bool seek(std::int64_t pts) override {
        return through_plugin([&] { return decoder_->seek(pts); });
    }

  private:
    std::unique_ptr<FilmDecoder> decoder_;
    FilmInfo info_;
    Size stored_;
};

}  // namespace

std::unique_ptr<FrameSource> open_with_ffmpeg(const std::filesystem::path& path, bool y4m, bool cut_off,
                                              const FilmReadOptions& options) {
    return std::make_unique<FfmpegFilm>(
        FilmSource{.path = path.string(), .y4m = y4m, .cut_off = cut_off, .max_pixels = options.limits.max_pixels});
}

void throw_too_large(const std::filesystem::path& path, Size size, std::int64_t max_pixels) {
    throw Error(ErrorKind::Input, "'" + path.string() + "' has frames of " + text_of(size) + ", more than the " +
                                      std::to_string(max_pixels) +
                                      " pixels allowed; raise {--max-pixels} or make it smaller");
}

}  // namespace output

namespace {

bool is_pipe(const std::filesystem::path& path) {
    struct stat status {};
    return path == "-" || (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

std::unique_ptr<output::FrameSource> open(const std::filesystem::path& path, const FilmReadOptions& options) {
    std::error_code ignored;
    if (is_pipe(path)) {
        return output::open_with_ffmpeg(path, /*y4m=*/true, /*cut_off=*/false, options);
    }
    if (std::filesystem::is_directory(path, ignored) || names_numbered_pictures(path)) {
        return output::open_pictures(path, options);
    }
    const MappedFile file(path);
    switch (output::film_content(file.bytes())) {
        case output::FilmContent::WebP:
            return output::open_webp_film(path, options);
        case output::FilmContent::Gif:
        case output::FilmContent::Ffmpeg: {
            constexpr std::string_view kY4m = "YUV4MPEG2";
            const bool y4m = file.bytes().size() > kY4m.size() &&
                             std::string_view(reinterpret_cast<const char*>(file.bytes().data()), kY4m.size()) == kY4m;
            return output::open_with_ffmpeg(path, y4m, output::is_cut_off(file.bytes()), options);
        }
        case output::FilmContent::None:
            break;
    }
    throw Error(ErrorKind::Input,
                "'" + path.string() + "' is " +
                    (file.bytes().empty()  ? "empty"
                     : holds_picture(path) ? "a still picture"
                                           : "no film that is known") +
                    "; pass MP4, MOV, MKV, WebM, AVI, an animated GIF or WebP, or a folder of numbered pictures");
}

}  // namespace

struct FilmReader::State {
    std::filesystem::path path;
    std::unique_ptr<output::FrameSource> source;
};

FilmReader::FilmReader(const std::filesystem::path& path, const FilmReadOptions& options)
    : state_(std::make_unique<State>()) {
    state_->path = path;
    state_->source = open(path, options);
}

FilmReader::~FilmReader() = default;
FilmReader::FilmReader(FilmReader&&) noexcept = default;
FilmReader& FilmReader::operator=(FilmReader&&) noexcept = default;

const FilmInfo& FilmReader::info() const { return state_->source->info(); }

std::optional<FilmFrame> FilmReader::next() { return state_->source->next(); }

void FilmReader::seek(std::int64_t pts) {
    if (!state_->source->seek(pts)) {
        throw Error(ErrorKind::Input, "'" + state_->path.string() + "' has no frame that begins at tick " +
                                          std::to_string(pts) +
                                          (is_pipe(state_->path) ? ", or it has gone by, as a pipe's frames do" : "") +
                                          "; pass the film that this place was taken from");
    }
}

bool holds_film(const std::filesystem::path& path) noexcept {
    try {
        std::error_code ignored;
        return std::filesystem::is_regular_file(path, ignored) &&
               output::film_content(MappedFile(path).bytes()) != output::FilmContent::None;
    } catch (const std::exception&) {
        return false;
    }
}

bool names_numbered_pictures(const std::filesystem::path& path) {
    return !is_there(path) && output::is_picture_pattern(path);
}

}  // namespace reverie
