// Films of FFmpeg's containers, through the plugin beside this library: segments, each by an encoder of its own, are
// joined at the end. With a state these are files that outlive a kill; else there is one, which nobody sees.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "core/write_all.h"
#include "output/film.h"
#include "output/film_plugin.h"
#include "reverie/core/error.h"

namespace reverie::output {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".packets";

/// "segment-00000048-00000096.packets": of frames 48 to 95. Without an end it is not closed.
std::string segment_name(std::int64_t first, std::optional<std::int64_t> end) {
    std::array<char, 64> text{};
    if (end) {
        std::snprintf(text.data(), text.size(), "segment-%08lld-%08lld%s", static_cast<long long>(first),
                      static_cast<long long>(*end), kEnding);
    } else {
        std::snprintf(text.data(), text.size(), "segment-%08lld%s", static_cast<long long>(first), kEnding);
    }
    return text.data();
}

std::optional<std::pair<std::int64_t, std::int64_t>> closed_range(const std::string& name) {
    long long first = 0;
    long long end = 0;
    int length = 0;
    if (std::sscanf(name.c_str(), "segment-%lld-%lld.packets%n", &first, &end, &length) == 2 &&
        length == static_cast<int>(name.size()) && end > first) {
        return std::pair<std::int64_t, std::int64_t>(first, end);
    }
    return std::nullopt;
}

class Video : public Film {
  public:
    Video(const fs::path& path, const FilmWriteOptions& options)
        : path_(path), options_(options), plugin_(film_plugin(path.string(), false)) {
        constexpr std::int64_t kTrial = 64;  // what has nothing to do with the size is refused at once
        through_plugin([&] { return plugin_.write(spec({kTrial, kTrial}, false)); });
        file_.emplace(path, options.replacing);
        if (!options.state.empty()) {
            find_segments();
        }
    }

    Keeping keeping() const override { return Keeping::Frames; }
    std::int64_t kept() const override { return parts_.empty() ? 0 : ends_.back(); }

    Samples begin(Size size, bool alpha, std::int64_t first) override {
        coder_ = through_plugin([&] { return plugin_.write(spec(size, alpha)); });
        notes_ = coder_->notes();
        next_ = first;
        constexpr int kBits = 16;
        return {kBits, coder_->alpha()};
    }

    void add(const image::Raster& frame, FilmTime /*time*/, bool cut) override {
        if (encoder_ != nullptr && !options_.state.empty() && (cut || next_ - first_ >= options_.segment_frames)) {
            close();
        }
        if (encoder_ == nullptr) {
            first_ = next_;
            const fs::path folder = options_.state.empty() ? path_.parent_path() : options_.state;
            const std::string hidden =
                options_.state.empty() ? path_.filename().string() + kEnding : segment_name(first_, {});
            segment_ = std::make_unique<AtomicFile>(folder / hidden);
            encoder_ = through_plugin([&] { return coder_->open_segment(); });
        }
        through_plugin([&] { encoder_->add(reinterpret_cast<const std::uint16_t*>(frame.data.get()), sink()); });
        ++next_;
    }

    fs::path finish(const std::vector<FilmTime>& times) override {
        if (encoder_ != nullptr && !options_.state.empty()) {
            close();
        }
        join(times, options_.copied_within, file_->temporary());
        return file_->commit();
    }

    fs::path finish_as(const fs::path& path, const std::vector<FilmTime>& times) override {
        AtomicFile file(path);
        join(times, true, file.temporary());
        return file.commit();
    }

  private:
    FilmSpec spec(Size size, bool alpha) const {
        return {.path = path_.string(),
                .container = container_of(path_),
                .codec = options_.codec,
                .crf = options_.crf,
                .bits = options_.bits,
                .alpha = alpha,
                .width = size.width,
                .height = size.height,
                .time_base = options_.time_base,
                .rate = options_.rate,
                .pixel_aspect = options_.pixel_aspect,
                .color = options_.color,
                .copied_from = options_.copied_from.string()};
    }

    /// Closed ones that follow each other from the first frame on; what else begins like one is of no use.
    void find_segments() {
        std::map<std::int64_t, std::int64_t> ranges;
        std::error_code error;
        for (fs::directory_iterator entry(options_.state, error), end; !error && entry != end; entry.increment(error)) {
            if (const auto range = closed_range(entry->path().filename().string())) {
                ranges[range->first] = std::max(ranges[range->first], range->second);
            }
        }
        for (auto at = ranges.find(0); at != ranges.end(); at = ranges.find(at->second)) {
            parts_.push_back({(options_.state / segment_name(at->first, at->second)).string(), at->first});
            ends_.push_back(at->second);
        }
    }

    Sink sink() {
        return [this](std::span<const std::byte> bytes) { segment_->write(bytes); };
    }

    void close() {
        through_plugin([&] { encoder_->finish(sink()); });
        encoder_.reset();
        const fs::path written = segment_->commit();
        segment_.reset();
        const fs::path closed = options_.state / segment_name(first_, next_);
        std::error_code error;
        fs::rename(written, closed, error);
        if (error) {
            throw_unwritable(closed, error.message());
        }
        parts_.push_back({closed.string(), first_});
        ends_.push_back(next_);
    }

    void join(const std::vector<FilmTime>& times, bool within, const fs::path& target) {
        std::vector<FilmPart> parts = parts_;
        if (encoder_ != nullptr) {
            through_plugin([&] { encoder_->finish(sink()); });
            encoder_.reset();
            parts.push_back({segment_->temporary().string(), first_});
        }
        through_plugin([&] { coder_->join(parts, times, within, target.string()); });
    }

    fs::path path_;
    FilmWriteOptions options_;
    const FilmPlugin& plugin_;
    std::optional<AtomicFile> file_;
    std::unique_ptr<FilmCoder> coder_;
    std::vector<FilmPart> parts_;     ///< closed segments
    std::vector<std::int64_t> ends_;  ///< of each: the number of the frame behind it
    std::unique_ptr<AtomicFile> segment_;
    std::unique_ptr<SegmentEncoder> encoder_;
    std::int64_t first_ = 0;  ///< of the open segment
    std::int64_t next_ = 0;
};

/// A stream: nothing is written twice.
class Y4m : public Film {
  public:
    Y4m(const fs::path& path, const FilmWriteOptions& options)
        : path_(path), options_(options), plugin_(film_plugin(path.string(), false)) {
        if (path != "-") {
            file_.emplace(path, options.replacing);
        }
    }

    Keeping keeping() const override { return Keeping::Nothing; }

    Samples begin(Size size, bool alpha, std::int64_t /*first*/) override {
        encoder_ = through_plugin([&] {
            return plugin_.write_y4m({.path = path_.string(),
                                      .bits = options_.bits,
                                      .width = size.width,
                                      .height = size.height,
                                      .rate = options_.rate,
                                      .pixel_aspect = options_.pixel_aspect,
                                      .color = options_.color});
        });
        if (alpha) {
            notes_.push_back("'" + path_.string() + "' cannot keep transparency as Y4M, so it is put on white");
        }
        constexpr int kBits = 16;
        return {kBits, false};
    }

    void add(const image::Raster& frame, FilmTime time, bool /*cut*/) override {
        const Rational& base = options_.time_base;
        // A frame's duration is 1 / rate, said without division.
        if (notes_.empty() &&
            time.duration * base.numerator * options_.rate.numerator != base.denominator * options_.rate.denominator) {
            notes_.push_back(
                "'" + path_.string() +
                "' has one frame rate as Y4M, so the times of its frames are lost; .mp4 and .mov keep them");
        }
        through_plugin([&] {
            encoder_->add(reinterpret_cast<const std::uint16_t*>(frame.data.get()),
                          [this](std::span<const std::byte> bytes) { write(bytes); });
        });
    }

    fs::path finish(const std::vector<FilmTime>& /*times*/) override { return file_ ? file_->commit() : path_; }

    fs::path finish_as(const fs::path& path, const std::vector<FilmTime>& times) override {
        if (!file_) {
            return finish(times);
        }
        std::error_code error;
        fs::rename(file_->temporary(), path, error);
        if (error) {
            throw_unwritable(path, error.message());
        }
        return path;
    }

  private:
    void write(std::span<const std::byte> bytes) {
        if (file_) {
            file_->write(bytes);
        } else if (const int fault = write_all(STDOUT_FILENO, bytes); fault != 0) {
            throw Error(ErrorKind::Output, std::string("the film could not be written to standard output (") +
                                               std::strerror(fault) + "); check what reads it");
        }
    }

    fs::path path_;
    FilmWriteOptions options_;
    const FilmPlugin& plugin_;
    std::optional<AtomicFile> file_;  ///< none: standard output
    std::unique_ptr<SegmentEncoder> encoder_;
};

}  // namespace

std::unique_ptr<Film> make_video(const fs::path& path, const FilmWriteOptions& options) {
    return std::make_unique<Video>(path, options);
}

std::unique_ptr<Film> make_y4m(const fs::path& path, const FilmWriteOptions& options) {
    return std::make_unique<Y4m>(path, options);
}

}  // namespace reverie::output
