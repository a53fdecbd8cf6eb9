// What the kinds of films that are written have in common, and their makers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "image/raster.h"
#include "reverie/output/film_writer.h"

namespace reverie::output {

enum class FilmKind { Video, Gif, WebP, Folder, Y4m, None };

/// By its name.
FilmKind film_kind(const std::filesystem::path& path);
/// FFmpeg's name for the container of a Video: "mp4", "mov", "matroska", "webm".
std::string container_of(const std::filesystem::path& path);
/// What its format counts times in: 100 or 1000 a second; 0: whatever the film's own time base is.
std::int64_t units_per_second(const std::filesystem::path& path);
/// The most pixels that a side of its frames can have.
std::int64_t longest_side(FilmKind kind);

/// How frames are wanted.
struct Samples {
    int bits = 8;
    bool alpha = false;
};

/// How a film that may be killed keeps what it has.
enum class Keeping {
    Nothing,   ///< it cannot
    Frames,    ///< somebody must keep frames until they are among those `kept`
    Film,      ///< somebody must keep all frames, and adds them at the end
    ByItself,  ///< each frame, once added
};

/// Frames arrive one by one, all of one size, each where the one before ends. Without finish() the destructor leaves
/// nothing behind but what lies in the folder of its state.
class Film {
  public:
    virtual ~Film() = default;
    virtual Keeping keeping() const = 0;
    /// Frames of an earlier run that are not wanted again.
    virtual std::int64_t kept() const { return 0; }
    /// Once, before any frame: how frames of that size are wanted. `first`: the number of the first that comes.
    virtual Samples begin(Size size, bool alpha, std::int64_t first) = 0;
    virtual void add(const image::Raster& frame, FilmTime time, bool cut) = 0;
    /// `times`: of all frames. The path it has got.
    virtual std::filesystem::path finish(const std::vector<FilmTime>& times) = 0;
    /// What there is under another name, an earlier film of which gives way; the state stays.
    virtual std::filesystem::path finish_as(const std::filesystem::path& path, const std::vector<FilmTime>& times) = 0;

    const std::vector<std::string>& notes() const { return notes_; }

  protected:
    std::vector<std::string> notes_;
};

std::unique_ptr<Film> make_gif(const std::filesystem::path& path, const FilmWriteOptions& options);
std::unique_ptr<Film> make_video(const std::filesystem::path& path, const FilmWriteOptions& options);
std::unique_ptr<Film> make_webp(const std::filesystem::path& path, const FilmWriteOptions& options);
std::unique_ptr<Film> make_y4m(const std::filesystem::path& path, const FilmWriteOptions& options);
std::unique_ptr<Film> make_png_folder(const std::filesystem::path& path, const FilmWriteOptions& options);

/// The time from one tick to another in units of which `per_second` make a second, rounded to nearest: errors do not
/// add up when each end is counted from the film's beginning.
std::int64_t elapsed(std::int64_t ticks, const Rational& time_base, std::int64_t per_second);

[[noreturn]] void throw_unwritable(const std::filesystem::path& path, const std::string& why);

}  // namespace reverie::output
