#include "reverie/output/animation.h"

#include <algorithm>

#include "output/film.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/output/film_writer.h"

namespace reverie {
namespace {

using output::FilmKind;

/// The kinds that a film made here can be without more being asked.
bool is_plain_kind(const std::filesystem::path& path, FilmKind kind) {
    return kind == FilmKind::Gif || kind == FilmKind::WebP || kind == FilmKind::Folder ||
           (kind == FilmKind::Video && output::container_of(path) == "mp4");
}

void check(const std::filesystem::path& path, const AnimationOptions& options) {
    if (!(options.fps >= 0.1 && options.fps <= 100)) {
        throw Error(ErrorKind::Usage,
                    "a film of " + human_number(options.fps) + " frames a second cannot be written; choose 0.1 to 100");
    }
    const FilmKind kind = output::film_kind(path);
    if (!is_plain_kind(path, kind)) {
        throw Error(ErrorKind::Usage,
                    "'" + path.string() + "' names no film; end the name in .mp4, .gif or .webp, or name a folder");
    }
    constexpr double kFastestGif = 50;
    if (kind == FilmKind::Gif && options.fps > kFastestGif) {  // browsers show a hundredth of a second for a tenth
        throw Error(ErrorKind::Usage,
                    "'" + path.string() +
                        "' cannot hold more than 50 frames a second, because browsers slow such a GIF "
                        "down; choose fewer, or write .mp4 or .webp");
    }
}

/// A tick is a frame.
FilmWriteOptions film_options(const AnimationOptions& options) {
    const Rational rate = fraction_of(options.fps);
    return {.time_base = {rate.denominator, rate.numerator},
            .rate = rate,
            .quality = options.quality,
            .loop = options.loop,
            .replacing = options.replacing};
}

}  // namespace

void check_frame(const std::filesystem::path& path, Size size) {
    const std::int64_t longest = output::longest_side(output::film_kind(path));
    if (std::max(size.height, size.width) > longest) {
        throw Error(ErrorKind::Usage, "'" + path.string() + "' cannot hold frames of " + text_of(size) +
                                          "; its format ends at " + std::to_string(longest) +
                                          " pixels a side: make them smaller or write a folder of PNGs");
    }
}

struct Animation::State {
    FilmWriter film;
};

Animation::Animation(const std::filesystem::path& path, const AnimationOptions& options) {
    check(path, options);
    state_ = std::make_unique<State>(State{FilmWriter(path, film_options(options))});
}

Animation::~Animation() = default;
Animation::Animation(Animation&&) noexcept = default;
Animation& Animation::operator=(Animation&&) noexcept = default;

void Animation::add(const Tensor& frame) { state_->film.add(frame, {frames(), 1}); }

std::filesystem::path Animation::finish() { return state_->film.finish(); }

std::int64_t Animation::frames() const { return state_->film.frames(); }

bool is_animation(const std::filesystem::path& path) {
    const FilmKind kind = output::film_kind(path);
    return is_plain_kind(path, kind) && kind != FilmKind::WebP;
}

}  // namespace reverie
