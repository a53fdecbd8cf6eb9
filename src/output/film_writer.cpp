#include "reverie/output/film_writer.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/json_text.h"
#include "output/film.h"
#include "output/film_plugin.h"
#include "output/film_state.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/output/animation.h"
#include "reverie/output/grid.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using output::FilmKind;
using output::Keeping;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); }

void check_positive(const Rational& value, const std::string& what) {
    if (value.numerator <= 0 || value.denominator <= 0) {
        refuse("a film's " + what + " of " + std::to_string(value.numerator) + "/" + std::to_string(value.denominator) +
               " is none; pass one above 0");
    }
}

void check(const fs::path& path, const FilmWriteOptions& options) {
    const FilmKind kind = output::film_kind(path);
    if (kind == FilmKind::None) {
        refuse("'" + path.string() +
               "' names no film; end the name in .mp4, .mov, .mkv, .webm, .gif, .webp or .y4m, or name a folder");
    }
    check_positive(options.time_base, "time base");
    check_positive(options.rate, "frame rate");
    check_positive(options.pixel_aspect, "pixel aspect");
    if (options.bits < 8 || options.bits > 16) {
        refuse("a film of " + std::to_string(options.bits) + " bits a channel cannot be written; choose 8 to 16");
    }
    if (options.quality < 1 || options.quality > 100) {
        refuse("the quality " + std::to_string(options.quality) + " is outside 1 to 100; choose one within");
    }
    if (options.segment_frames < 1) {
        refuse("a segment of " + std::to_string(options.segment_frames) + " frames is none; choose 1 or more");
    }
    if (kind != FilmKind::Video && (!options.codec.empty() || options.crf >= 0)) {
        refuse("'" + path.string() +
               "' has no codec to choose, so {--codec} and {--crf} mean nothing; leave them out or "
               "name it .mp4, .mov, .mkv or .webm");
    }
    if (kind != FilmKind::Video && !options.copied_from.empty()) {
        throw Error(ErrorKind::Output, "'" + path.string() + "' cannot hold what is copied from '" +
                                           options.copied_from.string() + "'; name it .mkv, which can");
    }
    if (kind == FilmKind::Y4m && !options.state.empty()) {
        refuse("'" + path.string() + "' is a stream and cannot be gone on with; name it .mkv or .mp4");
    }
}

std::unique_ptr<output::Film> make_film(const fs::path& path, const FilmWriteOptions& options) {
    switch (output::film_kind(path)) {
        case FilmKind::Gif:
            return output::make_gif(path, options);
        case FilmKind::WebP:
            return output::make_webp(path, options);
        case FilmKind::Folder:
            return output::make_png_folder(path, options);
        case FilmKind::Y4m:
            return output::make_y4m(path, options);
        default:
            return output::make_video(path, options);
    }
}

/// All that shapes the film.
std::string identity_of(const fs::path& path, const FilmWriteOptions& options) {
    const auto pair = [](Rational value) { return nlohmann::ordered_json{value.numerator, value.denominator}; };
    const FilmColor& color = options.color;
    return json_text({{"made", options.identity},
                      {"kind", static_cast<int>(output::film_kind(path))},
                      {"container", output::container_of(path)},
                      {"time_base", pair(options.time_base)},
                      {"rate", pair(options.rate)},
                      {"pixel_aspect", pair(options.pixel_aspect)},
                      {"color", {color.matrix, color.primaries, color.transfer, color.full_range ? 1 : 0}},
                      {"bits", options.bits},
                      {"codec", options.codec},
                      {"crf", options.crf},
                      {"quality", options.quality},
                      {"loop", options.loop},
                      {"segment_frames", options.segment_frames}},
                     /*ascii=*/true);
}

fs::path partial_path(const fs::path& path) {
    const fs::path name = path.has_filename() ? path : path.parent_path();
    return name.parent_path() / (name.stem().string() + ".partial" + name.extension().string());
}

}  // namespace

struct FilmWriter::State {
    fs::path path;
    FilmWriteOptions options;
    std::optional<output::FilmState> kept;  ///< before `film`, whose files lie in its folder
    std::unique_ptr<output::Film> film;
    output::Samples samples;
    std::vector<FilmTime> times;
    std::vector<std::int64_t> shape;
    std::vector<std::string> notes;
    std::size_t heard = 0;  ///< of the film's own notes
    bool rounds = false;    ///< which has been noted

    Size size() const { return {shape[1], shape[2]}; }

    void begin(std::int64_t first) {
        constexpr std::int64_t kWithAlpha = 4;
        check_frame(path, size());
        samples = film->begin(size(), shape[0] == kWithAlpha, first);
        hear();
    }

    void hear() {
        for (; heard < film->notes().size(); ++heard) {
            notes.push_back(film->notes()[heard]);
        }
    }

    /// That frames begin between what the format counts in.
    void note_rounding(FilmTime time) {
        const std::int64_t per_second = output::units_per_second(path);
        const std::int64_t since = time.pts + time.duration - times.front().pts;
        const Rational& base = options.time_base;
        if (per_second == 0 || rounds || since * base.numerator * per_second % base.denominator == 0) {
            return;
        }
        rounds = true;
        notes.push_back(
            "'" + path.string() + "' counts in " + (per_second == 100 ? "hundredths of a second" : "milliseconds") +
            ", so a frame may be shown up to half a one early or late; .mp4 and .mov keep the times exactly");
    }

    void resume() {
        const bool by_itself = film->keeping() == Keeping::ByItself;
        const std::int64_t frames = kept->resume(film->kept(), by_itself);
        times = kept->times();
        shape = kept->shape();
        if (shape.empty()) {
            return;
        }
        begin(by_itself ? frames : film->kept());
        if (film->keeping() == Keeping::Frames) {
            add_kept(film->kept());
        }
    }

    void add_kept(std::int64_t first) {
        for (std::int64_t i = first; i < static_cast<std::int64_t>(times.size()); ++i) {
            film->add(kept->frame(i), times[static_cast<std::size_t>(i)], kept->is_cut(i));
        }
    }

    void add(const image::Raster& frame, FilmTime time, bool cut) {
        const Keeping keeping = film->keeping();
        if (!kept) {
            film->add(frame, time, cut);
            return;
        }
        if (keeping == Keeping::ByItself) {
            film->add(frame, time, cut);
            kept->note(time, cut);
            return;
        }
        kept->keep(frame);
        kept->note(time, cut);
        if (keeping == Keeping::Frames) {
            film->add(frame, time, cut);
            kept->forget(film->kept());
        }
    }

    void require_open() const { TORCH_CHECK(film != nullptr, "a film that is finished was written to"); }

    /// A film whose frames all wait for the end.
    void catch_up() {
        if (kept && film->keeping() == Keeping::Film) {
            add_kept(0);
        }
    }
};

FilmWriter::FilmWriter(const fs::path& path, const FilmWriteOptions& options) : state_(std::make_unique<State>()) {
    check(path, options);
    state_->path = path;
    state_->options = options;
    if (!options.state.empty()) {
        state_->kept.emplace(options.state, path, identity_of(path, options));
        const fs::path name = path.has_filename() ? path : path.parent_path();
        remove_abandoned(name.has_parent_path() ? name.parent_path() : fs::path("."), {name.filename().string()});
    }
    state_->film = make_film(path, options);
    if (state_->kept) {
        state_->resume();
    }
}

FilmWriter::~FilmWriter() = default;
FilmWriter::FilmWriter(FilmWriter&&) noexcept = default;
FilmWriter& FilmWriter::operator=(FilmWriter&&) noexcept = default;

const std::vector<FilmTime>& FilmWriter::times() const { return state_->times; }

void FilmWriter::add(const Tensor& frame, FilmTime time, bool cut) {
    state_->require_open();
    Picture picture;
    constexpr std::int64_t kWithAlpha = 4;
    if (frame.defined() && frame.dim() == 3 && frame.size(0) == kWithAlpha && frame.numel() > 0) {
        picture.color = frame.narrow(0, 0, 3);
        picture.alpha = frame.narrow(0, 3, 1);
    } else {
        picture.color = to_rgb(frame);
    }
    std::vector<std::int64_t>& shape = state_->shape;
    if (!shape.empty() && frame.sizes() != shape) {
        refuse("frame " + std::to_string(frames() + 1) + " of a film is " + text_of(size_of(frame)) + " with " +
               std::to_string(frame.size(0)) + " channels, the first was " + text_of(state_->size()) + " with " +
               std::to_string(shape[0]) + "; all frames must be alike");
    }
    const std::optional<std::int64_t> end =
        frames() > 0 ? std::optional(times().back().pts + times().back().duration) : std::nullopt;
    if (time.duration < 1 || (end && time.pts != *end)) {
        refuse("frame " + std::to_string(frames() + 1) + " of a film lasts " + std::to_string(time.duration) +
               " ticks from " + std::to_string(time.pts) + " on" +
               (end ? ", and the one before ends at " + std::to_string(*end) : std::string()) +
               "; pass frames that follow each other");
    }
    if (shape.empty()) {
        shape = frame.sizes().vec();
        state_->begin(0);
        if (state_->kept) {
            state_->kept->begin(shape);
        }
    }
    state_->add(image::to_raster(picture, state_->samples.bits, state_->samples.alpha), time, cut);
    state_->times.push_back(time);
    state_->hear();
    state_->note_rounding(time);
}

fs::path FilmWriter::finish() {
    state_->require_open();
    TORCH_CHECK(frames() > 0, "a film wants at least one frame");
    state_->catch_up();
    fs::path written = state_->film->finish(state_->times);
    state_->film.reset();
    if (state_->kept) {
        state_->kept->remove();
    }
    return written;
}

fs::path FilmWriter::finish_partial() {
    state_->require_open();
    fs::path written;
    if (frames() > 0) {
        state_->catch_up();
        written = state_->film->finish_as(partial_path(state_->path), state_->times);
    }
    state_->film.reset();
    return written;
}

const std::vector<std::string>& FilmWriter::notes() const { return state_->notes; }

std::vector<std::string> film_codecs(const fs::path& path) {
    if (output::film_kind(path) != FilmKind::Video) {
        return {};
    }
    const output::FilmPlugin& plugin = output::film_plugin(path.string(), false);
    return output::through_plugin([&] { return plugin.codecs(output::container_of(path)); });
}

bool names_film(const fs::path& path) { return output::film_kind(path) != FilmKind::None; }

}  // namespace reverie
