#include "output/film_state.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie::output {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr const char* kAbout = "film.json";
constexpr const char* kLog = "times.txt";

/// Before a frame's samples.
struct RawHead {
    std::array<char, 8> magic = {'r', 'e', 'v', 'f', 'r', 'a', 'm', '1'};
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::int32_t bits = 0;
    std::int32_t channels = 0;
};

std::span<const std::byte> samples_of(const image::Raster& frame) {
    return {frame.data.get(), frame.row_bytes() * static_cast<std::size_t>(frame.size.height)};
}

fs::path made_folder(fs::path folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        throw Error(ErrorKind::Output, "the folder '" + folder.string() + "' cannot be made (" + error.message() +
                                           "); choose another place");
    }
    return folder;
}

}  // namespace

FilmState::FilmState(fs::path folder, const fs::path& film, std::string identity)
    : folder_(made_folder(std::move(folder))), film_(film), identity_(std::move(identity)) {
    lock_.emplace(folder_ / "lock", [&] {
        throw Error(ErrorKind::Usage, "'" + film_.string() + "' is being made by another program that uses '" +
                                          folder_.string() + "'; wait for it or choose another name");
    });
    if (is_there(folder_ / kAbout)) {
        const std::vector<std::byte> bytes = read_file(folder_ / kAbout, ErrorKind::Output);
        const Json about = Json::parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                                       nullptr, /*allow_exceptions=*/false);
        if (!about.is_object() || about.value("version", 0) != kVersion ||
            about.value("film", Json()) != Json(identity_)) {
            throw Error(ErrorKind::Usage,
                        "'" + folder_.string() +
                            "' keeps a film that was begun with other options or from something else; "
                            "pass the same as then, or remove that folder to begin anew");
        }
        shape_ = about.value("shape", std::vector<std::int64_t>());
        read_log();
    }
}

void FilmState::read_log() {
    if (!is_there(folder_ / kLog)) {
        return;
    }
    const std::vector<std::byte> bytes = read_file(folder_ / kLog, ErrorKind::Output);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        long long pts = 0;
        long long duration = 0;
        int cut = 0;
        if (end == std::string::npos || std::sscanf(text.c_str() + at, "%lld %lld %d", &pts, &duration, &cut) != 3) {
            break;
        }
        times_.push_back({pts, duration});
        cuts_.push_back(cut != 0);
        at = end + 1;
        line_ends_.push_back(static_cast<std::int64_t>(at));
    }
}

std::int64_t FilmState::resume(std::int64_t kept, bool by_themselves) {
    std::int64_t frames = kept;
    while (!by_themselves && is_there(frame_path(frames))) {
        ++frames;
    }
    frames = std::min(frames, static_cast<std::int64_t>(times_.size()));
    if (frames < kept && !by_themselves) {
        throw_damaged();
    }
    const auto count = static_cast<std::size_t>(frames);
    times_.resize(count);
    cuts_.resize(count);
    line_ends_.resize(count);
    // What a kill left half done, and frames that a closed segment holds by now.
    std::error_code error;
    std::vector<fs::path> useless;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        long long number = 0;
        const bool frame = std::sscanf(name.c_str(), "frame-%lld.raw", &number) == 1;
        if (name.starts_with('.') || (frame && (number < kept || number >= frames))) {
            useless.push_back(entry->path());
        }
    }
    for (const fs::path& path : useless) {
        fs::remove(path, error);
    }
    forgotten_ = kept;
    return frames;
}

image::Raster FilmState::frame(std::int64_t number) const {
    const std::vector<std::byte> bytes = read_file(frame_path(number), ErrorKind::Output);
    RawHead head;
    const RawHead expected;
    if (bytes.size() < sizeof head) {
        throw_damaged();
    }
    std::memcpy(&head, bytes.data(), sizeof head);
    const bool sane = head.magic == expected.magic && shape_.size() == 3 && head.height == shape_[1] &&
                      head.width == shape_[2] && (head.bits == 8 || head.bits == 16) &&
                      (head.channels == 3 || head.channels == 4);
    if (!sane) {
        throw_damaged();
    }
    image::Raster raster({head.height, head.width}, head.bits, 3, head.channels);
    raster.has_alpha = head.channels == 4;
    if (bytes.size() != sizeof head + samples_of(raster).size()) {
        throw_damaged();
    }
    std::memcpy(raster.data.get(), bytes.data() + sizeof head, samples_of(raster).size());
    return raster;
}

void FilmState::begin(const std::vector<std::int64_t>& shape) {
    shape_ = shape;
    const Json about = {{"version", kVersion}, {"film", identity_}, {"shape", shape}};
    write_file(folder_ / kAbout, about.dump() + "\n");
}

void FilmState::keep(const image::Raster& frame) {
    const RawHead head = {
        .height = frame.size.height, .width = frame.size.width, .bits = frame.bits, .channels = frame.channels};
    // Not flushed to the disk, which would cost more than many a frame: a kill loses nothing, and what a power cut
    // leaves is told by its size.
    const fs::path path = frame_path(static_cast<std::int64_t>(times_.size()));
    const fs::path hidden = folder_ / ("." + path.filename().string());
    std::ofstream file(hidden, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(&head), sizeof head);
    const std::span<const std::byte> samples = samples_of(frame);
    file.write(reinterpret_cast<const char*>(samples.data()), static_cast<std::streamsize>(samples.size()));
    file.close();
    std::error_code error;
    if (file) {
        fs::rename(hidden, path, error);
    }
    if (!file || error) {
        throw Error(ErrorKind::Output,
                    "'" + path.string() + "', a frame of '" + film_.string() +
                        "', could not be written whole; free space and go on, or choose another place");
    }
}

void FilmState::note(FilmTime time, bool cut) {
    if (log_ == nullptr) {
        log_ = std::make_unique<AppendFile>(folder_ / kLog, AppendFile::Mode::Keep);
        log_->cut(line_ends_.empty() ? 0 : line_ends_.back());
    }
    log_->append(std::to_string(time.pts) + " " + std::to_string(time.duration) + (cut ? " 1\n" : " 0\n"));
    times_.push_back(time);
    cuts_.push_back(cut);
}

void FilmState::forget(std::int64_t end) {
    std::error_code ignored;
    for (; forgotten_ < end; ++forgotten_) {
        fs::remove(frame_path(forgotten_), ignored);
    }
}

void FilmState::remove() {
    log_.reset();
    lock_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path FilmState::frame_path(std::int64_t number) const {
    std::array<char, 48> name{};
    std::snprintf(name.data(), name.size(), "frame-%08lld.raw", static_cast<long long>(number));
    return folder_ / name.data();
}

void FilmState::throw_damaged() const {
    throw Error(ErrorKind::Output, "'" + folder_.string() + "', which keeps '" + film_.string() +
                                       "' for going on, is damaged; remove that folder to begin anew");
}

}  // namespace reverie::output
