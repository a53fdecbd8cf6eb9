#include "cli/pictures/film_flags.h"

#include <limits>

#include "cli/frame/option_flags.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

template <typename T>
OptionField<FilmOptions> field(T FilmOptions::*member) {
    return option_field<FilmOptions>(member);
}

constexpr const char* kHeading = "Film as input";

OptionTable<FilmOptions> make_table() {
    return {
        {.name = "frames",
         .heading = kHeading,
         .placeholder = "A-B",
         .help = "only these frames of the film, counted from 0, with the sound of that time; A- and -B are open ends",
         .field = field(&FilmOptions::frames),
         .from_recipe = false},
        {.name = "every",
         .heading = kHeading,
         .placeholder = "N",
         .help = "only every N-th of them, each shown until the next one",
         .field = field(&FilmOptions::every),
         .range = {1, 1e9, "1 or more"},
         .from_recipe = false},
        {.name = "fps",
         .heading = kHeading,
         .placeholder = "N",
         .help = "frames a second of numbered pictures, which do not say; also 23.976 or 30000/1001",
         .field = field(&FilmOptions::fps),
         .from_recipe = false},
        {.name = "carry",
         .heading = kHeading,
         .placeholder = "SHARE",
         .help = "how much of the last frame's result each frame starts with, 0 to 1; a new scene starts afresh",
         .field = field(&FilmOptions::carry),
         .range = {0, 1},
         .from_recipe = false},
        {.name = "codec",
         .heading = kHeading,
         .placeholder = "NAME",
         .help = "of the film that is written, as h264, h265, vp9, av1, prores or ffv1; by default what its kind "
                 "usually has. Another name lists those that are there",
         .field = field(&FilmOptions::codec),
         .from_recipe = false},
        {.name = "crf",
         .heading = kHeading,
         .placeholder = "N",
         .help = "constant quality by the codec's own scale, lower is better; by default nearly lossless",
         .field = field(&FilmOptions::crf),
         .from_recipe = false},
    };
}

}  // namespace

bool parse_value(const std::string& text, FrameSpan& value) {
    const std::size_t dash = text.find('-');
    const std::string first = text.substr(0, dash);
    const std::string last = dash == std::string::npos ? first : text.substr(dash + 1);
    FrameSpan span;
    if (text.empty() || text == "-" || (!first.empty() && !parse_value(first, span.first)) ||
        (!last.empty() && !parse_value(last, span.last)) || span.last.value_or(span.first) < span.first) {
        return false;
    }
    value = span;
    return span.first >= 0;
}

std::string value_text(const FrameSpan& value) {
    return std::to_string(value.first) + "-" + (value.last ? std::to_string(*value.last) : "");
}

const OptionTable<FilmOptions>& film_option_table() {
    static const OptionTable<FilmOptions> table = make_table();
    return table;
}

void validate(const FilmOptions& options) {
    require_in_range(film_option_table(), options);
    require_in_range("fps", options.fps.value(), {0.01, 1000});
    if (options.crf) {
        require_in_range("crf", *options.crf, {0, std::numeric_limits<double>::infinity(), "0 or more"});
    }
}

void add_flags(CLI::App& app, FilmFlags& flags, bool with_fps) {
    static const OptionTable<FilmOptions> others = [] {
        OptionTable<FilmOptions> rows = film_option_table();
        std::erase_if(rows, [](const OptionRow<FilmOptions>& row) { return row.name == "fps"; });
        return rows;
    }();
    add_flags<FilmOptions>(
        app, with_fps ? film_option_table() : others, flags.options,
        [shown = FilmOptions()](const OptionRow<FilmOptions>& row) { return default_text(row, shown); });
    FlagGroup group(app, kHeading);
    not_configurable(group.add("--report", flags.report, "a page NAME.html about the film too, with key frames"));
    not_configurable(group.add("--each-frame", flags.each_frame, "with --json a line for each frame as it is made"));
}

std::string film_output_help() {
    return "; for a film one of .mp4, .mkv, .mov, .webm, .gif, .webp, .y4m or a folder of PNGs, - writes Y4M";
}

FilmOptions film_options(const GivenOptions& given) {
    FilmOptions options = with_given(FilmOptions(), film_option_table(), given);
    validate(options);
    return options;
}

void refuse_film_flags(const FilmFlags& flags, bool but_encoding) {
    const auto refuse = [](const std::string& flag) {
        throw Error(ErrorKind::Usage,
                    "--" + flag + " is of films; name a film as the only input and as --output, or leave it out");
    };
    for (const OptionRow<FilmOptions>& row : film_option_table()) {
        const bool encoding = row.name == "codec" || row.name == "crf";
        if (flags.options.has(row.name) && !(encoding && but_encoding)) {
            refuse(row.name);
        }
    }
    if (flags.report || flags.each_frame) {
        refuse(flags.report ? "report" : "each-frame");
    }
}

}  // namespace reverie
