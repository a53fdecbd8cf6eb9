#include "cli/dream/dream_film_request.h"

#include <filesystem>
#include <system_error>

#include "cli/frame/option_flags.h"
#include "cli/pictures/picture_run.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/image/picture.h"
#include "reverie/output/animation.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); }

void refuse_other_flags(Session& session, const DreamFilmRequest& request, const DreamOptions& dream) {
    if (!request.inputs.grid.empty()) {
        refuse("--grid makes a sheet and --film a film; leave one of them out");
    }
    if (!request.inputs.protect.empty()) {
        refuse("--protect holds a part of the photo still, and --film moves all of it; leave one of them out");
    }
    if (dream.preview_every > 0) {
        refuse(
            "--preview-every is of single pictures; leave it out: the dreams that a film is made of can be watched in "
            "its folder NAME.dreams");
    }
    if (!request.film.layers.empty() && session.given("layers")) {
        refuse("--layers and --layers-path both say what is amplified; leave one of them out");
    }
    for (const auto& [flag, given] : {std::pair<std::string, bool>{"--shard", !request.pictures.shard.empty()},
                                      {"--skip-existing", request.pictures.skip_existing},
                                      {"--recursive", request.pictures.recursive}}) {
        if (given) {
            refuse(flag + " is of batches, and --film makes one film of one input; leave it out");
        }
    }
}

void check_output(const Session& session, const DreamFilmRequest& request) {
    const std::string& output = session.common().output;
    if (output.empty() || output == "-") {
        refuse("a film needs a name; pass --output FILM.mp4, .mkv, .mov, .webm, .gif, .webp or a folder");
    }
    constexpr double kFastestGif = 50.0;  // browsers show a hundredth of a second for a tenth
    if (fs::path(output).extension() == ".gif" && request.film.fps.value() > kFastestGif) {
        refuse("'" + output +
               "' cannot hold more than 50 frames a second, because browsers slow such a GIF down; choose fewer with "
               "--fps, or write .mp4 or .webp");
    }
    // It finds an unknown kind or codec, a missing plugin and a place that cannot be written, and leaves nothing.
    const FilmWriter probe(output, writing_of(request, Replacing::Allowed));
    std::error_code ignored;
    if (!fs::is_directory(output, ignored) || !fs::is_empty(output, ignored)) {
        refuse_existing(output, "--output", session.common().overwrite);
    }
}

}  // namespace

void add_flags(CLI::App& app, DreamFilmFlags& flags) {
    const DreamFilmOptions shown;
    add_flags<DreamFilmOptions>(app, dream_film_option_table(), flags.options,
                                [&shown](const OptionRow<DreamFilmOptions>& row) {
                                    return row.name == "film" ? "" : default_text(row, shown);
                                });
    FlagGroup group(app, "Film");
    not_configurable(group.add("--resume", flags.resume,
                               "go on from the dreams that a stopped film left in NAME.dreams; length, --loop, --fps, "
                               "--quality and the kind of film may be others than before. Of a film as input: from "
                               "the frames in NAME.state"));
    group.add("--keep-dreams", flags.keep_dreams,
              "leave NAME.dreams when the film is done: with --resume another one is made of them without dreaming");
}

DreamFilmOptions film_options(const DreamFilmFlags& flags) {
    DreamFilmOptions film = with_given(DreamFilmOptions(), dream_film_option_table(), flags.options);
    validate(film);
    return film;
}

void refuse_without_film(const DreamFilmFlags& flags, bool painted) {
    const auto refuse_flag = [painted](const std::string& flag) {
        refuse("--" + flag +
               (painted ? " is of films that are made of a picture, and the input is a film; leave it out"
                        : " is of films; pass --film SECONDS, or leave it out"));
    };
    for (const OptionRow<DreamFilmOptions>& row : dream_film_option_table()) {
        if (flags.options.has(row.name) && !(painted && row.name == "fps")) {
            refuse_flag(row.name);
        }
    }
    if (flags.keep_dreams || (flags.resume && !painted)) {
        refuse_flag(flags.keep_dreams ? "keep-dreams" : "resume");
    }
}

FilmWriteOptions writing_of(const DreamFilmRequest& request, Replacing replacing) {
    const Rational fps = request.film.fps;
    return {.time_base = {fps.denominator, fps.numerator},
            .rate = fps,
            .codec = request.encoding.codec,
            .crf = request.encoding.crf.value_or(-1.0),
            .quality = static_cast<int>(request.pictures.quality),
            .replacing = replacing};
}

BatchItem check_film(Session& session, const DreamFilmRequest& request, const DreamOptions& dream, const Graph& graph) {
    refuse_other_flags(session, request, dream);
    check_filmed(dream);
    for (const std::vector<DreamTarget>& mix : layer_mixes(request.film, dream.layers)) {
        check_targets(graph, mix);
        if (!request.inputs.guides.empty()) {
            DreamOptions mixed = dream;
            mixed.layers = mix;
            check_guided(mixed);
        }
    }
    const std::vector<std::string>& inputs = request.pictures.inputs;
    if (inputs.size() > 1) {
        refuse("--film makes one film of one input, and " + std::to_string(inputs.size()) +
               " are given; run it once for each");
    }
    BatchItem item;
    item.output = session.common().output;
    item.blank = inputs.empty();
    if (item.blank) {
        if (dream.init != DreamInit::Noise) {
            refuse("no input is given; name a picture, or let the film begin from --init noise");
        }
        item.input = kNoInput;
        item.size = blank_size(request.pictures);
    } else {
        item.input = inputs.front();
        std::error_code ignored;
        if (fs::is_directory(item.input, ignored)) {
            refuse("'" + item.input + "' is a folder, and --film makes one film of one picture; name one");
        }
        if (!is_stream(item.input)) {
            item.size = read_picture_size(item.input, {.max_pixels = request.pictures.max_pixels});
        }
    }
    if (const auto size = wanted_size_of(request.pictures, item)) {
        check_frame(item.output, *size);
    }
    check_output(session, request);
    return item;
}

}  // namespace reverie
