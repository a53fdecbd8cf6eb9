// The kinds of films that are read.
#pragma once

#include <memory>
#include <optional>

#include "reverie/output/film_reader.h"

namespace reverie::output {

class FrameSource {
  public:
    virtual ~FrameSource() = default;
    virtual const FilmInfo& info() const = 0;
    virtual std::optional<FilmFrame> next() = 0;
    /// Makes next() give the frame that begins at `pts`; false: none does, or it has gone by for good.
    virtual bool seek(std::int64_t pts) = 0;
};

std::unique_ptr<FrameSource> open_with_ffmpeg(const std::filesystem::path& path, bool y4m, bool cut_off,
                                              const FilmReadOptions& options);
std::unique_ptr<FrameSource> open_webp_film(const std::filesystem::path& path, const FilmReadOptions& options);
/// A folder, or a pattern with one "%d" or "%04d" in its last part.
std::unique_ptr<FrameSource> open_pictures(const std::filesystem::path& path, const FilmReadOptions& options);

bool is_picture_pattern(const std::filesystem::path& path);

[[noreturn]] void throw_too_large(const std::filesystem::path& path, Size size, std::int64_t max_pixels);

}  // namespace reverie::output
