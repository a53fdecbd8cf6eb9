#include "cli/dream/dream_film_keys.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cli/pictures/identity.h"
#include "cli/pictures/state_folder.h"
#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/image/picture.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kNotes = "film.json";

struct Notes {
    Settings identity;
    bool keep = false;
};

void write_notes(const fs::path& path, const Notes& notes) {
    write_file(path, json_text(Json{{"keep", notes.keep}, {"made with", json_value(to_json(notes.identity))}},
                               /*ascii=*/true) +
                         "\n");
}

Notes read_notes(const fs::path& path) {
    const std::vector<std::byte> bytes = read_file(path);
    try {
        const Json notes = json_value({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        return {settings_of({{kSettingsKey, json_text(notes.at("made with"), /*ascii=*/true)}}, path.string()),
                notes.at("keep").get<bool>()};
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorKind::Input,
                    "'" + path.string() +
                        "' is damaged, so nobody knows which film its dreams are of; remove the folder "
                        "to start anew");
    }
}

/// "000017.png".
std::string key_name(std::int64_t number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%06lld.png", static_cast<long long>(number));
    return text.data();
}

bool is_key_name(const std::string& name) {
    return name.ends_with(".png") && name.size() >= key_name(0).size() &&
           std::all_of(name.begin(), name.end() - 4, [](char c) { return c >= '0' && c <= '9'; });
}

/// What a killed program was writing.
bool is_leftover(const std::string& name) { return name.starts_with(".") && name.ends_with(".partial"); }

template <typename Which>
void remove_those(const fs::path& folder, const Which& which) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        if (which(entry.path().filename().string())) {
            found.push_back(entry.path());
        }
    }
    for (const fs::path& path : found) {
        fs::remove(path, ignored);
    }
}

void require_space(const fs::path& folder, std::int64_t bytes) {
    std::error_code error;
    const fs::space_info space = fs::space(folder, error);
    if (!error && space.available < static_cast<std::uintmax_t>(bytes)) {
        throw Error(ErrorKind::Output, "the dreams in '" + folder.string() + "' take up to " +
                                           human_bytes(static_cast<std::uint64_t>(bytes)) + ", and the disk has " +
                                           human_bytes(space.available) +
                                           " free; free space, or make the film shorter or smaller");
    }
}

}  // namespace

fs::path DreamFilmKeys::folder_of(const fs::path& film) {
    const fs::path named = film.has_filename() ? film : film.parent_path();
    const fs::path stem = film.has_filename() ? named.stem() : named.filename();
    return named.parent_path() / (stem.string() + ".dreams");
}

std::int64_t DreamFilmKeys::bytes_of(std::int64_t count, Size size) {
    constexpr std::int64_t kPixel = 6;  // three samples of 16 bits, whose last ones no packing makes smaller
    return count * size.height * size.width * kPixel;
}

DreamFilmKeys::DreamFilmKeys(fs::path folder, const Settings& identity, const Options& options)
    : folder_(std::move(folder)), options_(options) {
    const std::string name = "'" + folder_.string() + "'";
    lock_ = hold_state_folder(folder_, kNotes, "the dreams of a film");
    const bool there = is_there(folder_ / kNotes);
    if (there && !options.resume && !options.overwrite) {
        throw Error(ErrorKind::Usage, name +
                                          " holds the dreams of an earlier film; go on from them by --resume, or pass "
                                          "--overwrite to start anew");
    }
    remove_those(folder_, is_leftover);
    if (there && options.resume) {
        const Notes notes = read_notes(folder_ / kNotes);
        require_same(notes.identity, identity, "the folder " + name);
        options_.keep = options.keep || notes.keep;
        while (is_there(file_of(count_))) {
            ++count_;
        }
    } else {
        remove_files();
    }
    try {
        require_space(folder_, bytes_of(std::max<std::int64_t>(0, options.count - count_), options.size));
        write_notes(folder_ / kNotes, {identity, options_.keep});
    } catch (...) {
        lock_.reset();
        std::error_code ignored;
        fs::remove(folder_, ignored);  // only when it is empty
        throw;
    }
}

DreamFilmKeys::~DreamFilmKeys() {
    if (lock_ && count_ == 0) {
        options_.keep = false;
        finish();
    }
}

void DreamFilmKeys::add(const Tensor& dream) {
    Picture picture;
    picture.color = dream;
    picture.bits = 16;
    write_picture(file_of(count_), picture);
    ++count_;
}

Tensor DreamFilmKeys::operator()(std::int64_t number) {
    constexpr std::size_t kKept = 4;  // two beside each other, and two more where a loop's end is mixed in
    const auto found = std::ranges::find(read_, number, [](const auto& one) { return one.first; });
    std::pair<std::int64_t, Tensor> one;
    if (found != read_.end()) {
        one = *found;
        read_.erase(found);
    } else {
        const fs::path file = file_of(number);
        one = {number, load_image(file)};
        if (size_of(one.second) != options_.size) {
            throw Error(ErrorKind::Input, "'" + file.string() + "' is " + text_of(size_of(one.second)) +
                                              " pixels and not " + text_of(options_.size) +
                                              " as the film's other dreams; remove it and those behind it");
        }
        if (read_.size() == kKept) {
            read_.erase(read_.begin());
        }
    }
    read_.push_back(one);
    return one.second;
}

void DreamFilmKeys::finish() {
    if (!options_.keep) {
        remove_files();
    }
    lock_.reset();
    std::error_code ignored;
    if (!options_.keep) {
        fs::remove(folder_, ignored);  // only when nothing else is in it
    }
}

fs::path DreamFilmKeys::file_of(std::int64_t number) const { return folder_ / key_name(number); }

void DreamFilmKeys::remove_files() const {
    remove_those(folder_, [](const std::string& name) { return name == kNotes || is_key_name(name); });
}

}  // namespace reverie
