// What a film's container and first frame say about it.
#pragma once

#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {

/// EXIF's number for a stream's display matrix; 1 with a note when that is no turn by right angles.
int orientation_of(const AVStream& stream, std::vector<std::string>& notes);

/// The matrix and range assumed where the frame does not say.
FilmColor color_of(const AVFrame& frame);

/// All of FilmInfo but what depends on whether alpha is used.
FilmInfo info_of(AVFormatContext& format, AVStream& stream, AVFrame& first, const std::string& path);

/// "aac sound".
std::string stream_text(const AVStream& stream);

}  // namespace reverie::output
