// Films to frames: upright, in RGB, each with the exact time at which it is shown.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/image/picture.h"
#include "reverie/output/film_info.h"

namespace reverie {

struct FilmFrame {
    Tensor image;  ///< float32 in [0,1], [3,H,W] RGB, or [4,H,W] with alpha that is not multiplied into the colours
    FilmTime time;
};

struct FilmReadOptions {
    ReadLimits limits;             ///< of one frame
    Rational picture_rate{25, 1};  ///< frames a second of numbered pictures, which do not say: above 0
};

/// Reads MP4, MOV, Matroska, WebM, AVI and what else FFmpeg holds for a film (MPEG, Ogg, FLV, ...), GIF and animated
/// WebP, told by content and never by name; a folder of numbered pictures ("shot/") or the pattern of their names
/// ("shot/%04d.png"), in the order of their numbers; "-" and pipes as Y4M. Frames come one by one and no more than a
/// few are held, whatever the film's length. Damage is an error where it is met: the frames before it have been given.
///
/// Colours: the matrix and range that the film states are undone, its primaries and its curve stay, so that what is
/// written with the same FilmColor looks the same. PQ, HLG and interlaced films are read as they are, with a note.
class FilmReader {
  public:
    /// Throws Input, naming the path, when it is missing, empty, no film (a still picture is none), damaged at its
    /// beginning, of a codec that is not there, or beyond the limits; Output never.
    explicit FilmReader(const std::filesystem::path& path, const FilmReadOptions& options = {});
    ~FilmReader();
    FilmReader(FilmReader&&) noexcept;
    FilmReader& operator=(FilmReader&&) noexcept;

    const FilmInfo& info() const;
    Size size() const { return {info().height, info().width}; }

    /// The next frame in the order of time; nothing at the end. Throws Input where the film is damaged or cut off,
    /// holds no frame at all, or changes its size.
    std::optional<FilmFrame> next();

    /// Makes next() give the frame that begins at `pts`, the same as when it is reached frame by frame. Throws Input
    /// when no frame begins there, and of a pipe also when that frame has gone by.
    void seek(std::int64_t pts);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Whether the file holds a film, by its content and whatever its name: false for still pictures (a GIF or WebP of one
/// frame too), folders, and what cannot be opened. A name that says "%d" or a folder is a film only where one is asked
/// for.
bool holds_film(const std::filesystem::path& path) noexcept;

/// Whether it is the pattern of numbered pictures' names, as "shot/%04d.png", and not itself there.
bool names_numbered_pictures(const std::filesystem::path& path);

/// The pictures for which such a pattern or a folder stands, in the order of their numbers. Throws Input when there are
/// none, or when what is in a folder has no clear order.
std::vector<std::filesystem::path> numbered_pictures(const std::filesystem::path& path);

}  // namespace reverie
