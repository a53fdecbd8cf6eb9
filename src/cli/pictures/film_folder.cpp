#include "cli/pictures/film_folder.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "cli/pictures/identity.h"
#include "cli/pictures/state_folder.h"
#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"
#include "weights/sealed_file.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMadeWith = "made-with.json";
constexpr const char* kNotes = "frames.jsonl";
constexpr const char* kFilm = "film";
constexpr const char* kResult = "result";
constexpr const char* kPicture = "picture";
constexpr const char* kFormat = "reverie frame of a film 1";

/// "result-00000017.safetensors".
std::string file_name(const std::string& what, std::int64_t number, const std::string& extension) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "-%08lld", static_cast<long long>(number));
    return what + text.data() + extension;
}

/// The number in such a name; empty: it is another.
std::optional<std::int64_t> number_in(const std::string& name, const std::string& what) {
    long long number = 0;
    if (!name.starts_with(what + "-") || std::sscanf(name.c_str() + what.size() + 1, "%lld", &number) != 1) {
        return std::nullopt;
    }
    return number;
}

template <typename Each>
void for_each_file(const fs::path& folder, const Each& each) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        found.push_back(entry.path());
    }
    std::ranges::sort(found);
    std::ranges::for_each(found, each);
}

/// Whatever else is in the folder stays.
void remove_files(const fs::path& folder) {
    std::error_code ignored;
    fs::remove_all(folder / kFilm, ignored);
    for_each_file(folder, [&ignored](const fs::path& path) {
        const std::string name = path.filename();
        const bool leftover = name.starts_with(".") && name.ends_with(".partial");
        if (leftover || name == kNotes || name == kMadeWith || number_in(name, kResult) || number_in(name, kPicture)) {
            fs::remove(path, ignored);
        }
    });
}

Settings read_identity(const fs::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return settings_of({{kSettingsKey, text}}, path.string());
}

}  // namespace

fs::path FilmFolder::of(const fs::path& film) {
    const fs::path named = film.has_filename() ? film : film.parent_path();
    return named.parent_path() / (named.stem().string() + ".state");
}

fs::path FilmFolder::of_writer() const { return folder_ / kFilm; }

bool FilmFolder::is_needed(const fs::path& film) { return is_there(of(film) / kFilm); }

void FilmFolder::drop(const fs::path& film) {
    const fs::path folder = of(film);
    if (is_there(folder / kMadeWith)) {
        remove_files(folder);
        std::error_code ignored;
        fs::remove(folder / kStateLock, ignored);
        fs::remove(folder, ignored);  // only when nothing else is in it
    }
}

FilmFolder::FilmFolder(fs::path folder, const Settings& identity, const Options& options) : folder_(std::move(folder)) {
    const std::string name = "'" + folder_.string() + "'";
    const bool ours = is_there(folder_ / kMadeWith);
    lock_ = hold_state_folder(folder_, kMadeWith, "the state of a film");
    if (ours && !options.resume && !options.overwrite) {
        throw Error(ErrorKind::Usage, name +
                                          " keeps an earlier film that was stopped; go on with it by --resume, or pass "
                                          "--overwrite to start anew");
    }
    if (ours && options.resume) {
        require_same(read_identity(folder_ / kMadeWith), identity, "the film of " + name);
    } else {
        remove_files(folder_);
        write_file(folder_ / kMadeWith, to_json(identity));
    }
}

FilmFolder::~FilmFolder() {
    if (lock_ && !has_frames_) {
        finish();
    }
}

void FilmFolder::keep_result(std::int64_t number, const Tensor& result) {
    write_sealed(result_path(number), {{{"image", result.contiguous()}}, {{"format", kFormat}}});
}

Tensor FilmFolder::result(std::int64_t number) const {
    return read_sealed(result_path(number), kFormat, "remove '" + folder_.string() + "' to start anew")
        .tensors.at("image");
}

void FilmFolder::forget_results(std::int64_t number) const {
    for_each_file(folder_, [number](const fs::path& path) {
        if (const auto its = number_in(path.filename(), kResult); its && *its < number) {
            std::error_code ignored;
            fs::remove(path, ignored);
        }
    });
}

void FilmFolder::note(const std::string& line) {
    has_frames_ = true;
    if (!notes_) {
        notes_ = std::make_unique<output::AppendFile>(folder_ / kNotes, output::AppendFile::Mode::Keep);
    }
    notes_->append(line + "\n");
}

std::vector<std::string> FilmFolder::notes(std::int64_t count) {
    has_frames_ = has_frames_ || count > 0;
    std::vector<std::string> lines;
    if (!is_there(folder_ / kNotes)) {
        return lines;
    }
    const std::vector<std::byte> bytes = read_file(folder_ / kNotes);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::size_t at = 0;
    for (std::size_t end; static_cast<std::int64_t>(lines.size()) < count; at = end + 1) {
        end = text.find('\n', at);
        if (end == std::string::npos) {
            break;
        }
        lines.push_back(text.substr(at, end - at));
    }
    notes_ = std::make_unique<output::AppendFile>(folder_ / kNotes, output::AppendFile::Mode::Keep);
    notes_->cut(static_cast<std::int64_t>(at));
    return lines;
}

void FilmFolder::keep_picture(std::int64_t number, const Tensor& image) const {
    save_image(folder_ / file_name(kPicture, number, ".png"), image);
}

std::vector<std::pair<std::int64_t, Tensor>> FilmFolder::pictures(std::int64_t count) const {
    std::vector<std::pair<std::int64_t, Tensor>> all;
    for_each_file(folder_, [&](const fs::path& path) {
        if (const auto number = number_in(path.filename(), kPicture); number && *number < count) {
            all.emplace_back(*number, load_image(path));
        }
    });
    return all;
}

void FilmFolder::finish() {
    remove_files(folder_);
    lock_.reset();
    std::error_code ignored;
    fs::remove(folder_, ignored);  // only when nothing else is in it
}

fs::path FilmFolder::result_path(std::int64_t number) const {
    return folder_ / file_name(kResult, number, ".safetensors");
}

}  // namespace reverie
