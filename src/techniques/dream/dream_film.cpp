#include "reverie/techniques/dream_film.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/image/similarity.h"
#include "techniques/dream/film_motion.h"
#include "techniques/dream/film_tones.h"

namespace reverie {
namespace {

constexpr double kLoopSeconds = 1.0;

double smooth_step(double u) { return u * u * (3.0 - 2.0 * u); }

/// A number of whole steps, of a length that rounding may have made longer by next to nothing.
std::int64_t whole_steps(double length) { return static_cast<std::int64_t>(std::ceil(length - 1e-6)); }

/// `share` of the second, the rest of the first.
Tensor mixed(const Tensor& first, const Tensor& second, double share) { return at::lerp(first, second, share); }

}  // namespace

DreamFilm::DreamFilm(Size frame, DreamOptions dream, DreamFilmOptions film)
    : frame_(frame), dream_(std::move(dream)), film_(std::move(film)) {
    validate(dream_);
    validate(film_);
    check_filmed(dream_);
    motion_ = std::make_shared<const FilmMotion>(film_, frame_);
    const Size margin = motion_->margin(film_.dreams_per_second);
    key_ = {frame_.height + 2 * margin.height, frame_.width + 2 * margin.width};
}

std::int64_t DreamFilm::frames() const {
    return std::max<std::int64_t>(1, std::llround(film_.seconds * film_.fps.value()));
}

std::int64_t DreamFilm::key_dreams() const {
    const double seconds = film_.seconds + (film_.loop ? kLoopSeconds : 0.0);
    return whole_steps(seconds * film_.dreams_per_second) + 1;
}

std::int64_t DreamFilm::frames_within(std::int64_t key_dreams) const {
    const auto last = static_cast<double>(key_dreams - 1);
    const double moment = last / film_.dreams_per_second;
    auto frame = std::clamp<std::int64_t>(static_cast<std::int64_t>(moment * film_.fps.value()), 0, frames());
    while (frame > 0 && place_of(frame - 1) > last) {  // rounding's part
        --frame;
    }
    while (frame < frames() && place_of(frame) <= last) {
        ++frame;
    }
    return frame;
}

double DreamFilm::place_of(std::int64_t frame) const {
    // The product first: then the same moment is the same number at any frame rate.
    return static_cast<double>(frame * film_.fps.denominator) * film_.dreams_per_second /
           static_cast<double>(film_.fps.numerator);
}

DreamOptions DreamFilm::options_of(std::int64_t number) const {
    DreamOptions options = dream_;
    options.layers = layers_at(film_, dream_.layers, static_cast<double>(number) / film_.dreams_per_second);
    options.preview_every = 0;
    if (number > 0) {
        // What is dreamt on is a dream: all of it may go on, and none of its detail may be lost. What a still leaves in
        // peace a film that flies towards it would show as a blur.
        constexpr double kFocus = 0.25;
        options.init = DreamInit::Content;
        options.calm = 0.0;
        options.detail = 1.0;
        options.focus *= kFocus;
        options.octaves = film_.octaves;
        options.steps = film_.steps;
        options.formula.passes = 1;
    }
    return options;
}

DreamResult DreamFilm::first_key(const DreamJob& job, FrozenNet& net, std::int64_t max_memory,
                                 const Hooks& hooks) const {
    require_image(job.photo, "the image to dream on");
    if (size_of(job.photo) != frame_) {
        throw Error(ErrorKind::Usage, "the image to dream on is " + text_of(size_of(job.photo)) +
                                          " pixels where frames are " + text_of(frame_) + "; wanted the same size");
    }
    if (job.protect.defined()) {
        throw Error(ErrorKind::Usage,
                    "{--protect} holds a part of the photo still, and a film moves all of it; leave one of them out");
    }
    DreamJob wider = job;
    wider.photo = seen_through(job.photo.cpu(), {}, key_);
    return dream(wider, net, options_of(0), max_memory, hooks);
}

DreamResult DreamFilm::next_key(std::int64_t number, const Tensor& before, const Tensor& first,
                                const std::vector<Tensor>& guides, FrozenNet& net, std::int64_t max_memory,
                                const Hooks& hooks) const {
    for (const Tensor* key : {&before, &first}) {
        require_image(*key, "a key dream");
        if (size_of(*key) != key_) {
            throw Error(ErrorKind::Usage, "a key dream is " + text_of(size_of(*key)) +
                                              " pixels; wanted one of this film, " + text_of(key_));
        }
    }
    const auto time = [&](std::int64_t key) {
        return motion_->passed(static_cast<double>(key) / film_.dreams_per_second);
    };
    const Similarity source = motion_->before(time(number) - time(number - 1));
    DreamJob job(seen_through(before, source, key_).clamp_(0.0, 1.0));
    job.guides = guides;
    DreamResult result = dream(job, net, options_of(number), max_memory, hooks);
    if (!result.cancelled) {
        // Moving takes a little of the finest detail each time, and so does growing: it comes back as slowly.
        constexpr double kKept = 0.6;
        constexpr double kMost = 1.08;
        return_detail_(result.image, frame_, kKept * detail_of(first, frame_), kMost, source);
        hold_tones_(result.image, frame_, tones_of(first, frame_));
    }
    return result;
}

Tensor DreamFilm::frame(std::int64_t number, const std::function<KeyDream(std::int64_t number)>& key,
                        bool looped) const {
    const double place = place_of(number);
    const double passed = place / (film_.dreams_per_second * kLoopSeconds);
    if (!looped || !film_.loop || passed >= 1.0) {
        return moment(place, key);
    }
    // What follows the end becomes the beginning.
    const Tensor late = moment(place + film_.seconds * film_.dreams_per_second, key);
    const Tensor early = moment(place, key);
    const double share = smooth_step(passed);
    Tensor frame = mixed(late, early, share);
    // Two pictures that have nothing in common make a grey one: their contrast is held.
    const Tones from = tones_of(late, frame_);
    Tones tones = tones_of(early, frame_);
    for (std::size_t c = 0; c < tones.mean.size(); ++c) {
        tones.mean[c] = std::lerp(from.mean[c], tones.mean[c], share);
        tones.deviation[c] = std::lerp(from.deviation[c], tones.deviation[c], share);
    }
    hold_tones_(frame, frame_, tones);
    return frame;
}

double DreamFilm::detail(const Tensor& key) const { return detail_of(key, frame_); }

Tensor DreamFilm::moment(double place, const std::function<KeyDream(std::int64_t number)>& key) const {
    const auto time = [&](double at) { return motion_->passed(at / film_.dreams_per_second); };
    const auto from = static_cast<std::int64_t>(std::floor(place));
    const auto seen = [&](const Tensor& dream, std::int64_t which) {
        const double since = time(place) - time(static_cast<double>(which));
        return seen_through(dream, motion_->before(since), frame_).clamp_(0.0, 1.0);
    };
    const KeyDream early = key(from);
    const double share = smooth_step(place - static_cast<double>(from));
    if (share <= 0.0) {
        return seen(early.image, from);
    }
    const KeyDream late = key(from + 1);
    Tensor frame = mixed(seen(early.image, from), seen(late.image, from + 1), share);
    // Between key dreams pixels are mixed, which would take the finest detail away and give it back at each of them.
    constexpr double kMost = 2.0;
    const auto detail_in = [this](const KeyDream& dream) { return dream.detail ? *dream.detail : detail(dream.image); };
    hold_detail_(frame, frame_, std::lerp(detail_in(early), detail_in(late), share), 1.0, kMost);
    return frame.clamp_(0.0, 1.0);
}

}  // namespace reverie
