// What kind of film a file is, told by its bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace reverie::output {

enum class FilmContent {
    None,
    Ffmpeg,  ///< what FFmpeg reads
    Gif,     ///< likewise, but a picture unless it has several frames
    WebP,
};

/// `bytes`: all of the file. A GIF or WebP of one picture is none.
FilmContent film_content(std::span<const std::byte> bytes);

/// Whether the file is shorter than the boxes, elements or chunks that it is made of say.
bool is_cut_off(std::span<const std::byte> bytes);

}  // namespace reverie::output
