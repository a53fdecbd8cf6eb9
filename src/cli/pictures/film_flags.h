// Private: what is said of a film that is painted frame by frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reverie/core/option_table.h"
#include "reverie/output/film_info.h"

namespace CLI {
class App;
}

namespace reverie {

/// Which frames, counted from 0; both ends are among them.
struct FrameSpan {
    std::int64_t first = 0;
    std::optional<std::int64_t> last;  ///< empty: to the end
    bool operator==(const FrameSpan&) const = default;
    bool all() const { return *this == FrameSpan(); }
};
bool parse_value(const std::string& text, FrameSpan& value);  ///< "24-47", "24-", "-47", "24"
std::string value_text(const FrameSpan& value);
inline const char* wanted_text(const FrameSpan& /*value*/) { return "frames such as 24-47, 24- or -47"; }

struct FilmOptions {
    FrameSpan frames;
    std::int64_t every = 1;     ///< of those frames only each so-many-th, shown until the next one comes
    Rational fps{25, 1};        ///< of numbered pictures
    std::string codec;          ///< empty: the container's usual one
    std::optional<double> crf;  ///< empty: nearly lossless
    double carry = 0.0;         ///< how much of the last frame's result this frame starts with, 0..1
};

/// --fps is among them; a program that has one of its own leaves that row out.
const OptionTable<FilmOptions>& film_option_table();

/// Throws Usage, naming the option.
void validate(const FilmOptions& options);

struct FilmFlags {
    GivenOptions options;     ///< those of film_option_table()
    bool report = false;      ///< a page about the film beside it
    bool each_frame = false;  ///< with --json a line for each frame too
};

/// `with_fps`: the program has no --fps of its own.
void add_flags(CLI::App& app, FilmFlags& flags, bool with_fps);

/// What the help of --output says of films, behind what it says of pictures.
std::string film_output_help();

/// What was given, checked. Throws Usage.
FilmOptions film_options(const GivenOptions& given);

/// Throws Usage for the first flag that was given and speaks of films that are painted; `but_encoding`: a film is
/// written, so how it is encoded may be said.
void refuse_film_flags(const FilmFlags& flags, bool but_encoding);

}  // namespace reverie
