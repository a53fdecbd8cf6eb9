// Segments, and what is copied from another film, to one file.
#pragma once

#include "output/ffmpeg/ffmpeg.h"

namespace reverie::output {

/// The times of decoding that belong to frames stored in the order `stored` (numbers of frames), each of which begins
/// at its place in `times`: ascending, none later than its frame, and of the sorted times themselves wherever that can
/// be. Worked out over the whole film, because at a variable rate what encoders say would overlap where segments meet.
std::vector<std::int64_t> decoding_times(const std::vector<std::int64_t>& stored, const std::vector<FilmTime>& times);

/// Whether the container takes what is to be copied, tried with its header. Throws FilmFault (Output) naming what does.
void check_copies(const FilmSpec& spec, const AVCodecParameters& film, std::vector<std::string>& notes);

void join_film(const FilmSpec& spec, const AVCodecParameters& film, const std::vector<FilmPart>& parts,
               const std::vector<FilmTime>& times, bool within, const std::string& target);

}  // namespace reverie::output
