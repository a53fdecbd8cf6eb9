// What is said about a film beside its pictures: time, shape of its pixels, colours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reverie {

/// An exact fraction, such as 1001/30000.
struct Rational {
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;  ///< above 0
    bool operator==(const Rational&) const = default;
    double value() const noexcept { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

/// In lowest terms.
Rational reduced(Rational fraction);

/// The simplest fraction that is as near as a double with a few digits can mean: 29.97 -> 2997/100, 12.5 -> 25/2. No
/// denominator above 60,000.
Rational fraction_of(double value);

/// A rate as an option: "24", "23.976", "30000/1001"; in lowest terms.
bool parse_value(const std::string& text, Rational& value);
std::string value_text(Rational value);
inline const char* wanted_text(Rational /*value*/) { return "a rate such as 25, 23.976 or 30000/1001"; }

/// When a frame is shown, in ticks of the film's time base.
struct FilmTime {
    std::int64_t pts = 0;       ///< the start; may lie below 0
    std::int64_t duration = 1;  ///< up to the next frame; above 0
    bool operator==(const FilmTime&) const = default;
};

/// How a film's numbers become colours, by the codes of ITU-T H.273.
struct FilmColor {
    static constexpr int kNotStated = 2;
    static constexpr int kBt709 = 1;
    static constexpr int kBt601 = 6;
    int matrix = kNotStated;  ///< 0: RGB, 1: BT.709, 5 and 6: BT.601, 9: BT.2020
    int primaries = kNotStated;
    int transfer = kNotStated;  ///< 13: sRGB, 16: PQ, 18: HLG
    bool full_range = false;    ///< black is 0 and not 16 (of 8 bits)
    bool operator==(const FilmColor&) const = default;
};

struct FilmInfo {
    std::int64_t width = 0;  ///< pixels, upright
    std::int64_t height = 0;
    Rational time_base{1, 25};    ///< seconds that a tick lasts
    Rational rate{0, 1};          ///< frames a second as far as the container knows; a hint only; 0: not known
    std::int64_t frames = 0;      ///< as the container says; a hint only; 0: not known
    int rotation = 0;             ///< degrees clockwise by which the stored frames were turned upright: 0, 90, 180, 270
    bool mirrored = false;        ///< they were mirrored besides
    Rational pixel_aspect{1, 1};  ///< width to height of an upright pixel
    FilmColor color;              ///< as assumed where the film does not say: BT.709 from 720 lines up, else BT.601
    int bits = 8;                 ///< of a channel in the film
    bool alpha = false;           ///< frames have four channels
    std::string container;        ///< "mp4", "matroska", "gif", "webp", "pictures" ...
    std::string codec;            ///< "h264", "vp9", ... or empty
    std::vector<std::string> other_streams;  ///< "aac sound", "subrip subtitles" ...: what a FilmWriter can copy
    std::vector<std::string> notes;          ///< sentences about what was guessed or is not done
};

}  // namespace reverie
