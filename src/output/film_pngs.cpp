// A film as a folder of PNGs.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cstdio>
#include <fstream>

#include "output/film.h"
#include "reverie/core/error.h"
#include "reverie/image/picture.h"

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

/// The frames lie in a hidden folder beside the final one until finish() gives it its name.
class PngFolder : public Film {
  public:
    explicit PngFolder(fs::path path) : path_(std::move(path)) {
        if (!path_.has_filename()) {  // "frames/"
            path_ = path_.parent_path();
        }
        check_replaceable();
        static std::atomic<unsigned> counter = 0;
        temporary_ = path_.parent_path() / ("." + path_.filename().string().substr(0, 200) + "." +
                                            std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".partial");
        std::error_code error;
        fs::create_directories(temporary_, error);
        if (error) {
            throw_unwritable(path_, error.message());
        }
    }
    ~PngFolder() override {
        std::error_code ignored;
        fs::remove_all(temporary_, ignored);
    }
    PngFolder(const PngFolder&) = delete;
    PngFolder& operator=(const PngFolder&) = delete;

    void add(const Picture& frame) override {
        const std::vector<std::byte> png = encode_picture(frame, PictureFormat::Png);
        std::ofstream file(temporary_ / frame_name(count_++), std::ios::binary);
        file.write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
        if (!file.flush()) {
            throw_unwritable(path_, "a frame could not be written whole");
        }
    }

    fs::path finish() override {
        check_replaceable();
        std::error_code error;
        fs::remove_all(path_, error);
        fs::rename(temporary_, path_, error);
        if (error) {
            throw_unwritable(path_, error.message());
        }
        return path_;
    }

  private:
    /// A folder that is there gives way when it holds an earlier film and nothing else.
    void check_replaceable() const {
        std::error_code error;
        if (!fs::exists(path_, error)) {
            return;
        }
        bool only_frames = fs::is_directory(path_, error);
        for (fs::directory_iterator entry(path_, error), end; only_frames && entry != end; entry.increment(error)) {
            only_frames = is_frame_name(entry->path().filename());
        }
        if (!only_frames || error) {
            throw Error(ErrorKind::Output, "'" + path_.string() +
                                               "' is there already and is not a folder of numbered frames alone; "
                                               "choose another name");
        }
    }

    fs::path path_;
    fs::path temporary_;
    std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<Film> make_png_folder(const fs::path& path) { return std::make_unique<PngFolder>(path); }

}  // namespace reverie::output
