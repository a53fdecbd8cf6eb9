#include "data/left_out.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include "reverie/image/picture.h"

namespace reverie::data {
namespace {

constexpr std::array<std::string_view, 27> kSidecarEndings = {
    ".txt",    ".json", ".jsonl", ".csv",       ".tsv", ".xml", ".yaml",        ".yml",   ".toml",
    ".md",     ".html", ".htm",   ".xmp",       ".aae", ".ini", ".db",          ".log",   ".md5",
    ".sha256", ".url",  ".lnk",   ".directory", ".npy", ".npz", ".safetensors", ".state", ".lock"};
constexpr std::array<std::string_view, 4> kSidecarNames = {"readme", "license", "licence", "copying"};

std::string lower(std::string_view text) {
    std::string lowered(text);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lowered;
}

}  // namespace

NameKind name_kind(std::string_view path) {
    if (path.starts_with("__MACOSX/")) {
        return NameKind::Sidecar;
    }
    for (std::size_t at = 0; at < path.size();) {
        if (path[at] == '.' && path.substr(at, 3) != "../" && path.substr(at, 2) != "./") {
            return NameKind::Sidecar;
        }
        const std::size_t slash = path.find('/', at);
        at = slash == std::string_view::npos ? path.size() : slash + 1;
    }
    const std::filesystem::path file(path.substr(path.rfind('/') + 1));  // the whole when there is no '/'
    if (has_picture_extension(file)) {
        return NameKind::Picture;
    }
    const bool is_sidecar = std::ranges::count(kSidecarEndings, lower(file.extension().string())) > 0 ||
                            std::ranges::count(kSidecarNames, lower(file.string())) > 0;
    return is_sidecar ? NameKind::Sidecar : NameKind::Other;
}

void LeftOut::add_fault(std::string path, std::string reason) {
    files_.push_back({std::move(path), std::move(reason), true});
}

bool LeftOut::is_picture(std::string_view path, const std::filesystem::path& file) {
    const NameKind kind = name_kind(path);
    if (kind != NameKind::Other) {
        return is_picture(path);
    }
    if (holds_picture(file)) {
        return true;
    }
    files_.push_back(
        {std::string(path),
         "'" + std::string(path) +
             "' is not a picture that can be read, neither by its name nor by its content; convert it to PNG "
             "or JPEG if it shows something",
         false});
    return false;
}

bool LeftOut::is_picture(std::string_view path) {
    const NameKind kind = name_kind(path);
    if (kind == NameKind::Sidecar) {
        ++sidecars_;
    } else if (kind == NameKind::Other) {
        files_.push_back({std::string(path),
                          "'" + std::string(path) +
                              "' is not named as a picture; give it the suffix of what it is, such as .jpg or .png, if "
                              "it is one",
                          false});
    }
    return kind == NameKind::Picture;
}

void LeftOut::sort() { std::ranges::stable_sort(files_, {}, &SkippedFile::path); }

std::int64_t largest_file(std::int64_t max_pixels) {
    constexpr std::int64_t kBytesPerPixel = 16;   // four floats
    constexpr std::int64_t kBeside = 16'000'000;  // profiles, thumbnails, notes
    return kBytesPerPixel * std::min(max_pixels, std::int64_t{1} << 50) + kBeside;
}

}  // namespace reverie::data
