#include "reverie/output/animation.h"

#include <algorithm>
#include <cctype>

#include "output/film.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/picture.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace output {

void throw_unwritable(const std::filesystem::path& path, const std::string& why) {
    throw Error(ErrorKind::Output, "'" + path.string() + "' could not be written (" + why +
                                       "); free space or choose another place or format");
}

}  // namespace output

namespace {

enum class Kind { Gif, Mp4, WebP, Folder, None };

Kind kind_of(const std::filesystem::path& path) {
    if (path.empty() || path == "-") {
        return Kind::None;
    }
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension == ".gif"    ? Kind::Gif
           : extension == ".mp4"  ? Kind::Mp4
           : extension == ".webp" ? Kind::WebP
           : extension.empty()    ? Kind::Folder
                                  : Kind::None;
}

std::int64_t longest_side(Kind kind) {
    constexpr std::int64_t kMp4 = 16'384;  // of the encoders of H.264
    constexpr std::int64_t kGif = 0xffff;
    return kind == Kind::Mp4   ? kMp4
           : kind == Kind::Gif ? kGif
                               : longest_side(kind == Kind::WebP ? PictureFormat::WebP : PictureFormat::Png);
}

void check(const AnimationOptions& options) {
    if (!(options.fps >= 0.1 && options.fps <= 100)) {
        throw Error(ErrorKind::Usage,
                    "a film of " + human_number(options.fps) + " frames a second cannot be written; choose 0.1 to 100");
    }
    if (options.quality < 1 || options.quality > 100) {
        throw Error(ErrorKind::Usage,
                    "the quality " + std::to_string(options.quality) + " is outside 1 to 100; choose one within");
    }
}

std::unique_ptr<output::Film> make_film(const std::filesystem::path& path, const AnimationOptions& options) {
    switch (kind_of(path)) {
        case Kind::Gif:
            return output::make_gif(path, options);
        case Kind::Mp4:
            return output::make_mp4(path, options);
        case Kind::WebP:
            return output::make_webp(path, options);
        case Kind::Folder:
            return output::make_png_folder(path);
        case Kind::None:
            break;
    }
    throw Error(ErrorKind::Usage,
                "'" + path.string() + "' names no film; end the name in .mp4, .gif or .webp, or name a folder");
}

}  // namespace

void check_frame(const std::filesystem::path& path, Size size) {
    const std::int64_t longest = longest_side(kind_of(path));
    if (std::max(size.height, size.width) > longest) {
        throw Error(ErrorKind::Usage, "'" + path.string() + "' cannot hold frames of " + text_of(size) +
                                          "; its format ends at " + std::to_string(longest) +
                                          " pixels a side: make them smaller or write a folder of PNGs");
    }
}

struct Animation::State {
    std::filesystem::path path;
    std::unique_ptr<output::Film> film;
    std::vector<std::int64_t> shape;
    std::int64_t frames = 0;
};

Animation::Animation(const std::filesystem::path& path, const AnimationOptions& options)
    : state_(std::make_unique<State>()) {
    check(options);
    state_->path = path;
    state_->film = make_film(path, options);
}

Animation::~Animation() = default;
Animation::Animation(Animation&&) noexcept = default;
Animation& Animation::operator=(Animation&&) noexcept = default;

void Animation::add(const Tensor& frame) {
    TORCH_CHECK(state_->film != nullptr, "a frame was added to a film that is finished");
    Picture picture;
    if (frame.defined() && frame.dim() == 3 && frame.size(0) == 4 && frame.numel() > 0) {
        picture.color = frame.narrow(0, 0, 3);
        picture.alpha = frame.narrow(0, 3, 1);
    } else {
        picture.color = to_rgb(frame);
    }
    if (state_->frames > 0 && frame.sizes() != state_->shape) {
        throw Error(ErrorKind::Usage, "frame " + std::to_string(state_->frames + 1) + " of a film is " +
                                          text_of(size_of(frame)) + " with " + std::to_string(frame.size(0)) +
                                          " channels, the first was " + text_of({state_->shape[1], state_->shape[2]}) +
                                          " with " + std::to_string(state_->shape[0]) + "; all frames must be alike");
    }
    if (state_->frames == 0) {
        check_frame(state_->path, size_of(frame));
    }
    state_->shape = frame.sizes().vec();
    state_->film->add(picture);
    ++state_->frames;
}

std::filesystem::path Animation::finish() {
    TORCH_CHECK(state_->film != nullptr && state_->frames > 0, "a film wants at least one frame, and one end");
    std::filesystem::path path = state_->film->finish();
    state_->film.reset();
    return path;
}

std::int64_t Animation::frames() const { return state_->frames; }

bool is_animation(const std::filesystem::path& path) {
    const Kind kind = kind_of(path);
    return kind == Kind::Gif || kind == Kind::Mp4 || kind == Kind::Folder;
}

}  // namespace reverie
