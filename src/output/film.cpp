#include "output/film.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "reverie/core/error.h"

namespace reverie::output {
namespace {

struct Name {
    std::string_view extension;
    FilmKind kind;
    const char* container = "";
    std::int64_t units_per_second = 0;
};
constexpr std::array kNames = {
    Name{".mp4", FilmKind::Video, "mp4"},
    Name{".m4v", FilmKind::Video, "mp4"},
    Name{".mov", FilmKind::Video, "mov"},
    Name{".mkv", FilmKind::Video, "matroska", 1000},
    Name{".webm", FilmKind::Video, "webm", 1000},
    Name{".gif", FilmKind::Gif, "", 100},
    Name{".webp", FilmKind::WebP, "", 1000},
    Name{".y4m", FilmKind::Y4m},
    Name{"", FilmKind::Folder},
};

const Name* find(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto* const found =
        std::find_if(kNames.begin(), kNames.end(), [&](const Name& name) { return name.extension == extension; });
    return found == kNames.end() ? nullptr : found;
}

}  // namespace

FilmKind film_kind(const std::filesystem::path& path) {
    if (path == "-") {
        return FilmKind::Y4m;
    }
    const Name* name = path.empty() ? nullptr : find(path);
    return name == nullptr ? FilmKind::None : name->kind;
}

std::string container_of(const std::filesystem::path& path) {
    const Name* name = find(path);
    return name == nullptr ? "" : name->container;
}

std::int64_t units_per_second(const std::filesystem::path& path) {
    const Name* name = find(path);
    return name == nullptr ? 0 : name->units_per_second;
}

std::int64_t longest_side(FilmKind kind) {
    constexpr std::int64_t kVideo = 16'384;  // of the encoders of H.264
    constexpr std::int64_t kGif = 0xffff;
    return kind == FilmKind::Video || kind == FilmKind::Y4m ? kVideo
           : kind == FilmKind::Gif
               ? kGif
               : reverie::longest_side(kind == FilmKind::WebP ? PictureFormat::WebP : PictureFormat::Png);
}

std::int64_t elapsed(std::int64_t ticks, const Rational& time_base, std::int64_t per_second) {
    const std::int64_t parts = ticks * time_base.numerator * per_second;
    return (2 * parts + time_base.denominator) / (2 * time_base.denominator);
}

void throw_unwritable(const std::filesystem::path& path, const std::string& why) {
    throw Error(ErrorKind::Output, "'" + path.string() + "' could not be written (" + why +
                                       "); free space or choose another place or format");
}

}  // namespace reverie::output
