#include "cli/pictures/film_frames.h"

#include <algorithm>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/image/scene_cut.h"

namespace reverie {

FilmFrames::FilmFrames(const std::filesystem::path& path, const FilmReadOptions& reading, FrameSpan span,
                       std::int64_t every)
    : reader_(path, reading), span_(span), every_(every) {}

std::int64_t FilmFrames::count() const {
    const std::int64_t all = info().frames;
    if (all == 0 && !span_.last) {
        return 0;
    }
    const std::int64_t end = std::min(all == 0 ? *span_.last + 1 : all, span_.last.value_or(all) + 1);
    return std::max<std::int64_t>(0, (end - span_.first + every_ - 1) / every_);
}

std::optional<ChosenFrame> FilmFrames::next() {
    if (fault_) {
        std::rethrow_exception(fault_);
    }
    std::optional<FilmFrame> frame = read();
    if (!frame) {
        return std::nullopt;
    }
    ChosenFrame chosen{std::move(frame->image), frame->time, next_ - 1, std::exchange(cut_, false)};
    try {
        for (std::int64_t i = 1; i < every_; ++i) {
            const std::optional<FilmFrame> passed = read();
            if (!passed) {
                break;
            }
            chosen.time.duration = passed->time.pts + passed->time.duration - chosen.time.pts;
        }
    } catch (const Error&) {
        fault_ = std::current_exception();  // this frame is whole
    }
    return chosen;
}

void FilmFrames::resume(std::int64_t count, std::int64_t pts) {
    reader_.seek(pts);
    next_ = span_.first + (count - 1) * every_;
    next();
}

std::optional<FilmFrame> FilmFrames::read() {
    std::optional<FilmFrame> frame;
    do {
        if (next_ > span_.last.value_or(next_)) {
            return std::nullopt;
        }
        frame = reader_.next();
        if (!frame) {
            return std::nullopt;
        }
        ++next_;
    } while (next_ <= span_.first);
    cut_ = cut_ || (before_.defined() && is_scene_cut(frame_change(before_, frame->image)));
    before_ = frame->image;
    return frame;
}

}  // namespace reverie
