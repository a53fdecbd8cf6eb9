// The plugin that reads and writes films. FFmpeg's libraries bring a hundred others along, so they are loaded only for
// a film.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "reverie/core/error.h"
#include "reverie/output/film_info.h"

namespace reverie::output {

/// What becomes an Error with the same sentence on the other side.
struct FilmFault : std::runtime_error {
    FilmFault(ErrorKind kind_, const std::string& sentence) : std::runtime_error(sentence), kind(kind_) {}
    ErrorKind kind;
};

struct FilmSource {
    std::string path;      ///< "-": standard input
    bool y4m = false;      ///< a pipe, of which nothing is read twice
    bool cut_off = false;  ///< the file is shorter than it says itself
    std::int64_t max_pixels = 0;
};

class FilmDecoder {
  public:
    virtual ~FilmDecoder() = default;
    virtual const FilmInfo& info() const = 0;
    /// EXIF's number: how frames are still to be turned; info() gives the size afterwards.
    virtual int orientation() const = 0;
    /// RGB or RGBA of 16 bits, row after row without gaps, as stored. False at the end.
    virtual bool next(std::uint16_t* samples, FilmTime& time) = 0;
    /// Makes next() give the frame that begins at `pts`; false: none does.
    virtual bool seek(std::int64_t pts) = 0;
};

struct FilmSpec {
    std::string path;       ///< as sentences name it
    std::string container;  ///< FFmpeg's name
    std::string codec;      ///< empty: the usual one
    double crf = -1;        ///< below 0: the codec's default
    int bits = 8;
    bool alpha = false;
    std::int64_t width = 0;
    std::int64_t height = 0;
    Rational time_base;
    Rational rate;
    Rational pixel_aspect;
    FilmColor color;
    std::string copied_from;  ///< empty: nothing is copied
};

/// Takes what has been made, piece by piece.
using Sink = std::function<void(std::span<const std::byte>)>;

class SegmentEncoder {
  public:
    virtual ~SegmentEncoder() = default;
    /// RGB or, when FilmCoder::alpha(), RGBA of 16 bits, row after row without gaps.
    virtual void add(const std::uint16_t* samples, const Sink& sink) = 0;
    virtual void finish(const Sink& sink) = 0;
};

/// A file that a segment was written to.
struct FilmPart {
    std::string path;
    std::int64_t first = 0;  ///< the number of its first frame
};

/// Makes the parts of a film and joins them.
class FilmCoder {
  public:
    virtual ~FilmCoder() = default;
    virtual bool alpha() const = 0;
    virtual const std::vector<std::string>& notes() const = 0;
    /// A closed segment: an encoder of its own.
    virtual std::unique_ptr<SegmentEncoder> open_segment() = 0;
    /// The parts in order as a film at `target`, the copied streams between them; `within`: only what begins while the
    /// film runs.
    virtual void join(const std::vector<FilmPart>& parts, const std::vector<FilmTime>& times, bool within,
                      const std::string& target) = 0;
};

/// All of it throws FilmFault.
class FilmPlugin {
  public:
    virtual ~FilmPlugin() = default;
    virtual std::unique_ptr<FilmDecoder> read(const FilmSource& source) const = 0;
    virtual std::unique_ptr<FilmCoder> write(const FilmSpec& spec) const = 0;
    /// Y4M, which is a stream: what the sink takes is the film.
    virtual std::unique_ptr<SegmentEncoder> write_y4m(const FilmSpec& spec) const = 0;
    /// Those that the container can hold and this FFmpeg can write, the usual one first.
    virtual std::vector<std::string> codecs(const std::string& container) const = 0;
};

using GetFilmPlugin = const FilmPlugin*();
inline constexpr const char* kGetFilmPluginName = "reverie_film_plugin";

/// The plugin, loaded once and kept. Throws Output, or Input for one who `reads`, when it or FFmpeg is missing.
const FilmPlugin& film_plugin(const std::string& path, bool reads);

/// Faults of the plugin as our own exceptions.
template <typename Call>
auto through_plugin(Call&& call) {
    try {
        return call();
    } catch (const FilmFault& fault) {
        throw Error(fault.kind, fault.what());
    }
}

}  // namespace reverie::output
