// Private: the frames of a film that are to be painted, and where its scenes begin.
#pragma once

#include <exception>
#include <filesystem>
#include <optional>

#include "cli/pictures/film_flags.h"
#include "reverie/output/film_reader.h"

namespace reverie {

/// One that is painted.
struct ChosenFrame {
    Tensor image;             ///< [3|4,H,W] in [0,1]
    FilmTime time;            ///< up to the next one that is painted
    std::int64_t number = 0;  ///< in the film, from 0
    bool cut = false;         ///< a scene begins here or since the last one that was painted
};

class FilmFrames {
  public:
    /// Throws like FilmReader.
    FilmFrames(const std::filesystem::path& path, const FilmReadOptions& reading, FrameSpan span, std::int64_t every);

    const FilmInfo& info() const { return reader_.info(); }

    /// As far as the film knows; 0: it does not.
    std::int64_t count() const;

    /// In their order; nothing at the end. Throws Input where the film is damaged or changes its size, once the frames
    /// before have been given, and when none lies within the span.
    std::optional<ChosenFrame> next();

    /// next() gives what follows the `count` frames that were given in an earlier run, the last of which began at
    /// `pts`. Throws Input when no frame begins there.
    void resume(std::int64_t count, std::int64_t pts);

  private:
    std::optional<FilmFrame> read();

    FilmReader reader_;
    FrameSpan span_;
    std::int64_t every_;
    std::int64_t next_ = 0;  ///< number of the reader's next frame
    Tensor before_;          ///< the last frame that was read
    bool cut_ = false;
    std::exception_ptr fault_;
};

}  // namespace reverie
