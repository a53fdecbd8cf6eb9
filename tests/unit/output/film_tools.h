// Films taken apart into packets and put together from them, by FFmpeg itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/output/film_reader.h"
#include "reverie/output/film_writer.h"

namespace reverie::test {

struct Packet {
    std::string kind;  ///< "video", "audio", "subtitle", "cover"
    std::string bytes;
    double start = 0;  ///< seconds; of an edit list too
    std::int64_t pts = 0;
    std::int64_t dts = 0;
    std::int64_t duration = 0;
};

struct Chapter {
    std::string title;
    double start = 0;  ///< seconds
    double end = 0;
};

struct TakenApart {
    std::vector<Packet> packets;
    std::vector<Chapter> chapters;
    std::string title;
    std::vector<std::string> of(const std::string& kind) const;  ///< bytes
    double first_start(const std::string& kind) const;
};
TakenApart take_apart(const std::filesystem::path& path);

struct Extras {
    int turned = 0;         ///< degrees clockwise, in a display matrix
    std::string sound;      ///< encoder: "aac", "libopus"
    double sound_from = 0;  ///< seconds
    std::string subtitles;  ///< "subrip", "mov_text"
    bool chapters = false;
    std::string title;
    bool cover = false;
};

/// The film's packets with more beside them, in another file.
void add_extras(const std::filesystem::path& film, const std::filesystem::path& target, const Extras& extras);

/// Pictures of any sizes as MJPEG, 10 a second.
void write_mjpeg(const std::filesystem::path& path, const std::vector<Tensor>& pictures);

/// Frame `index` of a film whose every frame is soft and differs from the others.
Tensor soft_frame(std::int64_t index, std::int64_t height, std::int64_t width, std::int64_t channels = 3);

/// Soft frames with these durations from `first` on.
std::filesystem::path write_soft_film(const std::filesystem::path& path, Size size, const FilmWriteOptions& options,
                                      const std::vector<std::int64_t>& durations, std::int64_t first = 0,
                                      std::int64_t channels = 3);

std::vector<FilmFrame> read_all(const std::filesystem::path& path);

double mean_error(const Tensor& a, const Tensor& b);

}  // namespace reverie::test
