// Small films for the programs to paint, made on the spot.
#pragma once

#include <ATen/ATen.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/program_fixture.h"
#include "support/closed_formula.h"
#include "unit/output/film_tools.h"

namespace reverie::test {

inline constexpr Size kFilmSize = {50, 66};

/// A view that moves over a picture, and from frame `cut` on over another one of other colours; 0: never.
inline Tensor moving_frame(std::int64_t index, std::int64_t cut = 0) {
    static const Tensor one = formula_image(96, 128, "one").squeeze(0) * 0.5;
    static const Tensor other = 1.0 - 0.4 * formula_image(96, 128, "other").squeeze(0).flip(2);
    const Tensor& seen = cut > 0 && index >= cut ? other : one;
    return seen.narrow(1, index % 40, kFilmSize.height).narrow(2, index % 40, kFilmSize.width).contiguous();
}

/// Those frames with these durations, in hundredths of a second, over and over.
inline void write_moving_film(const std::filesystem::path& path, std::int64_t frames, std::int64_t cut = 0,
                              const std::vector<std::int64_t>& durations = {4}) {
    FilmWriter film(path, {.time_base = {1, 100}});
    std::int64_t pts = 0;
    for (std::int64_t i = 0; i < frames; ++i) {
        const std::int64_t duration = durations[static_cast<std::size_t>(i) % durations.size()];
        film.add(moving_frame(i, cut), {pts, duration}, cut > 0 && i == cut);
        pts += duration;
    }
    film.finish();
}

/// When its frames are shown, in seconds, and its end.
inline std::vector<double> moments_of(const std::filesystem::path& path) {
    FilmReader film(path);
    const double base = film.info().time_base.value();
    std::vector<double> moments;
    double end = 0.0;
    while (const auto frame = film.next()) {
        moments.push_back(static_cast<double>(frame->time.pts) * base);
        end = static_cast<double>(frame->time.pts + frame->time.duration) * base;
    }
    moments.push_back(end);
    return moments;
}

/// A film's second frame as a picture of its own, which loses nothing.
inline void write_second_frame(const std::filesystem::path& film, const std::filesystem::path& picture) {
    FilmReader reader(film);
    reader.next();
    Picture second;
    second.color = reader.next()->image;
    second.bits = 16;
    write_picture(picture, second);
}

/// Waits until that many frames are kept in a film's state.
inline void wait_for_frames(const std::filesystem::path& state, std::int64_t frames) {
    constexpr int kPatience = 30'000;  // 60 s
    for (int i = 0; i < kPatience; ++i) {
        std::ifstream file(state / "frames.jsonl");
        const auto lines = std::count(std::istreambuf_iterator<char>(file), {}, '\n');
        if (lines >= frames) {
            return;
        }
        usleep(1000);
    }
}

}  // namespace reverie::test
