// A film as a folder of PNGs.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstdio>
#include <fstream>

#include "image/codecs.h"
#include "output/film.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"

namespace reverie::output {
namespace {

namespace fs = std::filesystem;

/// "000012.png".
std::string frame_name(std::int64_t index) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%06lld.png", static_cast<long long>(index));
    return text.data();
}

bool is_frame_name(const fs::path& name) {
    const std::string stem = name.stem().string();
    return name.extension() == ".png" && stem.size() >= 6 &&
           std::all_of(stem.begin(), stem.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// The frames lie in a hidden folder beside the final one, or in that of its state, until finish() gives it its name.
class PngFolder : public Film {
  public:
    PngFolder(fs::path path, const FilmWriteOptions& options)
        : path_(std::move(path)), lasts_(!options.state.empty()), bits_(options.bits > 8 ? 16 : 8) {
        if (!path_.has_filename()) {  // "frames/"
            path_ = path_.parent_path();
        }
        check_replaceable(path_);
        static std::atomic<unsigned> counter = 0;
        temporary_ =
            lasts_ ? options.state / "frames"
                   : path_.parent_path() / ("." + path_.filename().string().substr(0, 200) + "." +
                                            std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".partial");
        std::error_code error;
        fs::create_directories(temporary_, error);
        if (error) {
            throw_unwritable(path_, error.message());
        }
        while (lasts_ && is_there(temporary_ / frame_name(kept_))) {
            ++kept_;
        }
    }
    ~PngFolder() override {
        if (!lasts_) {
            std::error_code ignored;
            fs::remove_all(temporary_, ignored);
        }
    }
    PngFolder(const PngFolder&) = delete;
    PngFolder& operator=(const PngFolder&) = delete;

    Keeping keeping() const override { return Keeping::ByItself; }
    std::int64_t kept() const override { return kept_; }

    Samples begin(Size /*size*/, bool /*alpha*/, std::int64_t first) override {
        count_ = first;
        std::error_code ignored;
        for (; kept_ > first; --kept_) {  // written, and not counted before the kill
            fs::remove(temporary_ / frame_name(kept_ - 1), ignored);
        }
        return {bits_, true};
    }

    void add(const image::Raster& frame, FilmTime /*time*/, bool /*cut*/) override {
        const std::vector<std::byte> png = image::encode_png(frame, {});
        const fs::path target = temporary_ / frame_name(count_++);
        if (lasts_) {
            write_file(target, png);
            return;
        }
        std::ofstream file(target, std::ios::binary);
        file.write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
        if (!file.flush()) {
            throw_unwritable(path_, "a frame could not be written whole");
        }
    }

    fs::path finish(const std::vector<FilmTime>& /*times*/) override { return move_to(path_); }

    fs::path finish_as(const fs::path& path, const std::vector<FilmTime>& /*times*/) override {
        if (!lasts_) {
            return move_to(path);
        }
        check_replaceable(path);
        std::error_code error;
        fs::remove_all(path, error);
        fs::copy(temporary_, path, fs::copy_options::recursive, error);
        if (error) {
            throw_unwritable(path, error.message());
        }
        return path;
    }

  private:
    /// A folder that is there gives way when it holds an earlier film and nothing else.
    static void check_replaceable(const fs::path& path) {
        std::error_code error;
        if (!fs::exists(path, error)) {
            return;
        }
        bool only_frames = fs::is_directory(path, error);
        for (fs::directory_iterator entry(path, error), end; only_frames && entry != end; entry.increment(error)) {
            only_frames = is_frame_name(entry->path().filename());
        }
        if (!only_frames || error) {
            throw Error(ErrorKind::Output, "'" + path.string() +
                                               "' is there already and is not a folder of numbered frames alone; "
                                               "choose another name");
        }
    }

    fs::path move_to(const fs::path& path) {
        check_replaceable(path);
        std::error_code error;
        fs::remove_all(path, error);
        fs::rename(temporary_, path, error);
        if (error) {
            throw_unwritable(path, error.message());
        }
        return path;
    }

    fs::path path_;
    fs::path temporary_;
    bool lasts_;  ///< what has been written outlives a kill
    int bits_;
    std::int64_t kept_ = 0;
    std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Film> make_png_folder(const fs::path& path, const FilmWriteOptions& options) {
    return std::make_unique<PngFolder>(path, options);
}

}  // namespace reverie::output
