#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzz/scratch.h"
#include "output/film_content.h"
#include "reverie/output/film_reader.h"

namespace reverie::fuzz {
namespace {

constexpr std::int64_t kMaxPixels = 1 << 14;  // what a frame costs is not what is looked for
constexpr std::size_t kMostFrames = 12;

/// What FFmpeg reads is for its own fuzzers, but for what says by its own bytes how large it is, as streams do.
bool is_ours(Bytes bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return output::film_content(bytes) != output::FilmContent::Ffmpeg || text.starts_with("YUV4MPEG2");
}

void check_frame(const FilmFrame& frame, const FilmInfo& info, std::optional<std::int64_t> begin) {
    const std::int64_t channels = info.alpha ? 4 : 3;
    require(frame.image.sizes() == at::IntArrayRef({channels, info.height, info.width}) &&
                frame.image.scalar_type() == at::kFloat && frame.image.is_contiguous(),
            "a frame of another shape than the film says");
    require(frame.image.min().item<float>() >= 0.0F && frame.image.max().item<float>() <= 1.0F,
            "colours outside [0,1]");
    require(frame.time.duration >= 1, "a frame of no time");
    require(!begin || frame.time.pts == *begin, "a frame that does not begin where the one before ends");
}

}  // namespace

void films(Bytes bytes) {
    output::is_cut_off(bytes);
    if (!is_ours(bytes)) {
        return;
    }
    const std::filesystem::path path = put("film", bytes);
    std::optional<FilmReader> film;
    if (!is_read({ErrorKind::Input},
                 [&] { film.emplace(path, FilmReadOptions{.limits = {.max_pixels = kMaxPixels}}); })) {
        return;
    }
    const FilmInfo& info = film->info();
    require(holds_film(path), "a film is read that was told to be none");
    require(info.width > 0 && info.height > 0 && info.width * info.height <= kMaxPixels, "a film beyond the limits");
    require(info.time_base.numerator > 0 && info.time_base.denominator > 0, "a film without a time base");
    std::vector<FilmFrame> frames;
    is_read({ErrorKind::Input}, [&] {
        std::optional<std::int64_t> end;
        while (frames.size() < kMostFrames) {
            std::optional<FilmFrame> frame = film->next();
            if (!frame) {
                break;
            }
            check_frame(*frame, info, end);
            end = frame->time.pts + frame->time.duration;
            frames.push_back(std::move(*frame));
        }
    });
    std::reverse(frames.begin(), frames.end());
    for (const FilmFrame& frame : frames) {
        std::optional<FilmFrame> again;
        if (is_read({ErrorKind::Input}, [&] {
                film->seek(frame.time.pts);
                again = film->next();
            })) {
            require(again && again->time.pts == frame.time.pts && at::equal(again->image, frame.image),
                    "a frame that is looked for is another than when it was passed");
        }
    }
}

}  // namespace reverie::fuzz
