#include "cli/pictures/film_request.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/pictures/picture_run.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/output/animation.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// How FilmWriter names the pictures in a folder.
constexpr const char* kWrittenPattern = "%06d.png";

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); }

/// "frames/" for "frames/%06d.png".
std::string film_output(const std::string& output) {
    const fs::path path = output;
    return path.filename() == kWrittenPattern ? (path.parent_path() / "").string() : output;
}

/// A name that says film by itself: a folder's does not.
bool says_film(const std::string& output) {
    const fs::path path = output;
    return path.filename() == kWrittenPattern || (path.has_extension() && names_film(path));
}

/// And that cannot mean a picture.
bool says_only_film(const std::string& output) { return says_film(output) && fs::path(output).extension() != ".webp"; }

/// Whether it came out of a container that may hold more than frames.
bool may_hold_more(const BatchItem& item, const FilmInfo& info) {
    constexpr std::array<std::string_view, 3> kFramesOnly = {"gif", "webp", "pictures"};
    return !is_stream(item.input) && std::ranges::find(kFramesOnly, info.container) == kFramesOnly.end() &&
           info.container.find("yuv4mpeg") == std::string::npos;
}

/// Whether the kind of film that is written may hold more than frames.
bool can_hold_more(const std::string& output) { return !film_codecs(output).empty(); }

void refuse_other_flags(const PictureOptions& pictures) {
    for (const auto& [flag, given] : {std::pair<std::string, bool>{"--shard", !pictures.shard.empty()},
                                      {"--skip-existing", pictures.skip_existing},
                                      {"--recursive", pictures.recursive},
                                      {"--jobs", pictures.jobs != "auto"}}) {
        if (given) {
            refuse(flag + " is of batches, and the frames of a film are painted one after the other; leave it out");
        }
    }
}

void check_output(Session& session, const FilmRequest& request) {
    const std::string& output = request.item.output;
    check_frame(output, request.size());
    if (request.flags.report) {
        if (output == "-") {
            refuse(
                "--report is written beside the film, which has no place on standard output; name a file with "
                "--output");
        }
        refuse_existing(page_of(output), "--output", session.common().overwrite || request.resume);
    }
    if (request.resume && request.streams()) {
        refuse("'" + output + "' is a stream and cannot be gone on with by --resume; name it .mkv or .mp4");
    }
    // It finds an unknown kind or codec, a missing plugin and a place that cannot be written, and leaves nothing.
    const FilmWriter probe(output, writing_of(request, /*overwrite=*/true));
    const FilmInfo& info = request.frames->info();
    if (!info.other_streams.empty() && !can_hold_more(output)) {
        session.console().warning("'" + output + "' has no place for the film's " + join(info.other_streams) +
                                  ", so they are left out; .mkv holds them");
    }
}

}  // namespace

bool takes_film(const std::vector<std::string>& inputs, const std::string& output) {
    if (inputs.size() != 1) {
        return false;
    }
    const std::string& input = inputs.front();
    if (is_stream(input)) {
        return says_only_film(output);
    }
    if (names_numbered_pictures(input)) {
        return true;
    }
    std::error_code ignored;
    if (says_only_film(output) && fs::is_directory(input, ignored)) {
        refuse("'" + input + "' is a folder, whose pictures are done one by one, and '" + output +
               "' names a film; name the pictures by their numbers, as '" + (fs::path(input) / "%06d.png").string() +
               "', or end --output in / for a folder");
    }
    if (holds_picture(input)) {
        return holds_film(input) && says_film(output);
    }
    // What is broken or not there the reader knows best how to say; a quoted pattern is neither.
    const bool is_missing = says_film(input) && !is_there(input) && input.find_first_of("*?[") == std::string::npos;
    return holds_film(input) || (says_only_film(output) && (is_missing || fs::is_regular_file(input, ignored)));
}

Size FilmRequest::size() const { return *wanted_size_of(pictures, item); }

bool FilmRequest::streams() const { return is_stream(item.output) || fs::path(item.output).extension() == ".y4m"; }

fs::path page_of(const fs::path& film) {
    fs::path page = film.has_filename() ? film : film.parent_path();
    return page.replace_extension(".html");
}

FilmWriteOptions writing_of(const FilmRequest& request, bool overwrite) {
    const FilmInfo& info = request.frames->info();
    FilmWriteOptions options;
    options.time_base = info.time_base;
    if (info.rate.numerator > 0) {
        options.rate = reduced({info.rate.numerator, info.rate.denominator * request.options.every});
    }
    options.pixel_aspect = info.pixel_aspect;
    if (info.color.matrix != 0) {  // of RGB as it is, the writer's own choice is best
        options.color = info.color;
    }
    options.bits = info.bits;
    options.codec = request.options.codec;
    options.crf = request.options.crf.value_or(-1.0);
    options.quality = static_cast<int>(request.pictures.quality);
    options.replacing = overwrite ? Replacing::Allowed : Replacing::Beside;
    if (may_hold_more(request.item, info) && can_hold_more(request.item.output)) {
        options.copied_from = request.item.input;
        options.copied_within = !request.options.frames.all();
    }
    return options;
}

FilmRequest check_film_request(Session& session, const PictureOptions& pictures, const FilmFlags& flags,
                               FilmOptions options, bool resume, std::int64_t preview_every) {
    refuse_other_flags(pictures);
    if (flags.each_frame && !session.common().json) {
        refuse("--each-frame adds a line for each frame to --json, which is not given; add it, or leave this out");
    }
    const std::string& input = pictures.inputs.front();
    const std::string& given = session.common().output;
    if (given.empty()) {
        refuse("'" + input +
               "' is a film, and no output is given; pass --output FILM.mp4, .mkv, .mov, .webm, .gif, "
               ".webp, .y4m or a folder");
    }
    if (given != "-" && !names_film(film_output(given))) {
        refuse("'" + input + "' is a film, and '" + given +
               "' names none; end the name of --output in .mp4, .mkv, .mov, .webm, .gif, .webp or .y4m, or name a "
               "folder");
    }
    FilmRequest request{pictures, flags, std::move(options), resume, preview_every, {}, {}};
    request.item.input = input;
    request.item.output = film_output(given);
    request.frames = std::make_shared<FilmFrames>(
        input, FilmReadOptions{.limits = {.max_pixels = pictures.max_pixels}, .picture_rate = request.options.fps},
        request.options.frames, request.options.every);
    const FilmInfo& info = request.frames->info();
    request.item.size = Size{info.height, info.width};
    for (const std::string& note : info.notes) {
        session.console().warning(note);
    }
    if (info.frames > 0 && request.options.frames.first >= info.frames) {
        refuse("--frames " + value_text(request.options.frames) + " begins behind the end of '" + input +
               "', which has " + std::to_string(info.frames) + " frames, counted from 0; choose some of these");
    }
    check_output(session, request);
    return request;
}

}  // namespace reverie
