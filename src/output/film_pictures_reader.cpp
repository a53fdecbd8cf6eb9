// Numbered pictures as a film.
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "output/film_source.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie::output {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What stands around a name's last number, and the number; nothing for a name without one, or one of no end.
struct Numbered {
    std::string around;
    std::int64_t number = 0;
};
std::optional<Numbered> split(const std::string& stem) {
    std::size_t end = stem.size();
    while (end > 0 && !is_digit(stem[end - 1])) {
        --end;
    }
    std::size_t begin = end;
    while (begin > 0 && is_digit(stem[begin - 1])) {
        --begin;
    }
    Numbered found{stem.substr(0, begin) + '\0' + stem.substr(end)};
    const auto [stop, fault] = std::from_chars(stem.data() + begin, stem.data() + end, found.number);
    return begin < end && fault == std::errc() ? std::optional(found) : std::nullopt;
}

/// A pattern's parts: "shot_%04d.png" -> "shot_", 4, ".png".
struct Pattern {
    std::string before;
    std::size_t digits = 0;  ///< at least so many
    std::string after;
};
std::optional<Pattern> parse(const std::string& name) {
    const std::size_t percent = name.find('%');
    std::size_t at = percent == std::string::npos ? name.size() : percent + 1;
    const std::size_t first = at;
    while (at < name.size() && is_digit(name[at])) {
        ++at;
    }
    if (at >= name.size() || name[at] != 'd' || at - first > 3) {
        return std::nullopt;
    }
    Pattern pattern{name.substr(0, percent), 0, name.substr(at + 1)};
    std::from_chars(name.data() + first, name.data() + at, pattern.digits);
    return pattern;
}

std::optional<std::int64_t> matched(const Pattern& pattern, const std::string& name) {
    if (name.size() <= pattern.before.size() + pattern.after.size() || !name.starts_with(pattern.before) ||
        !name.ends_with(pattern.after)) {
        return std::nullopt;
    }
    const std::size_t length = name.size() - pattern.before.size() - pattern.after.size();
    const std::string digits = name.substr(pattern.before.size(), length);
    std::int64_t number = 0;
    const auto [stop, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    // "7" is what "%d" writes, and "0007" what "%04d" does.
    const bool written_so =
        digits.size() == pattern.digits || (digits.size() > pattern.digits && digits[0] != '0') || digits == "0";
    return std::all_of(digits.begin(), digits.end(), is_digit) && fault == std::errc() && written_so
               ? std::optional(number)
               : std::nullopt;
}

using Numbers = std::map<std::int64_t, fs::path>;

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
    throw Error(ErrorKind::Input, "'" + path.string() + "' " + what);
}

Numbers in_pattern(const fs::path& path) {
    const std::optional<Pattern> pattern = parse(path.filename().string());
    Numbers numbers;
    std::error_code error;
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        if (const auto number = matched(*pattern, entry->path().filename().string())) {
            numbers.emplace(*number, path.parent_path() / entry->path().filename());
        }
    }
    if (numbers.empty()) {
        refuse(path, "matches no picture; check the folder and how many digits its numbers have");
    }
    return numbers;
}

Numbers in_folder(const fs::path& path) {
    std::map<std::string, Numbers> families;
    std::error_code error;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
        const fs::path name = entry->path().filename();
        if (name.string().starts_with('.') || !has_picture_extension(name)) {
            continue;
        }
        const auto numbered = split(name.stem().string());
        if (!numbered) {
            refuse(entry->path(), "has no number, so its place in the film is not known; move it elsewhere");
        }
        const auto [there, fresh] =
            families[numbered->around + '\0' + name.extension().string()].emplace(numbered->number, entry->path());
        if (!fresh) {
            refuse(entry->path(),
                   "has the same number as '" + there->second.filename().string() + "'; remove one of them");
        }
    }
    if (error) {
        refuse(path, "cannot be listed (" + error.message() + "); check its permissions");
    }
    if (families.empty()) {
        refuse(path, "holds no numbered pictures; pass a folder of 000000.png, 000001.png and so on");
    }
    if (families.size() > 1) {
        refuse(path, "holds several rows of numbered pictures, '" +
                         families.begin()->second.begin()->second.filename().string() + "' and '" +
                         std::next(families.begin())->second.begin()->second.filename().string() +
                         "'; name one with a pattern such as '" + (path / "%06d.png").string() + "'");
    }
    return families.begin()->second;
}

Numbers numbers_of(const fs::path& path) { return is_picture_pattern(path) ? in_pattern(path) : in_folder(path); }

class Pictures : public FrameSource {
  public:
    Pictures(const fs::path& path, const FilmReadOptions& options) : options_(options) {
        if (options.picture_rate.numerator <= 0 || options.picture_rate.denominator <= 0) {
            throw Error(ErrorKind::Usage,
                        "numbered pictures want a rate above 0 frames a second; choose one with {--fps}");
        }
        const Numbers numbers = numbers_of(path);
        for (const auto& [number, file] : numbers) {
            files_.push_back(file);
        }
        const Picture first = read_picture(files_.front(), options.limits);
        info_.width = first.color.size(2);
        info_.height = first.color.size(1);
        info_.alpha = first.alpha.defined();
        info_.bits = first.bits;
        info_.rate = reduced(options.picture_rate);
        info_.time_base = {info_.rate.denominator, info_.rate.numerator};
        info_.frames = static_cast<std::int64_t>(files_.size());
        info_.container = "pictures";
        info_.color = {.matrix = 0, .full_range = true};
        const std::int64_t missing = numbers.rbegin()->first - numbers.begin()->first + 1 - info_.frames;
        if (missing > 0) {
            info_.notes.push_back("of the pictures in '" + path.string() + "' " + std::to_string(missing) +
                                  (missing == 1 ? " number is" : " numbers are") +
                                  " missing; those that are there follow each other without gaps");
        }
    }

    const FilmInfo& info() const override { return info_; }

    std::optional<FilmFrame> next() override {
        if (at_ >= files_.size()) {
            return std::nullopt;
        }
        const fs::path& file = files_[at_];
        const Picture picture = read_picture(file, options_.limits);
        const Size size = size_of(picture.color);
        if (size != Size{info_.height, info_.width}) {
            throw Error(ErrorKind::Input, "'" + file.string() + "' is " + text_of(size) + " and the frames before it " +
                                              text_of({info_.height, info_.width}) + "; make all of them alike");
        }
        Tensor image = picture.color;
        if (info_.alpha) {
            image = at::cat({image, picture.alpha.defined() ? picture.alpha : at::ones({1, size.height, size.width})});
        }
        return FilmFrame{image.contiguous(), {static_cast<std::int64_t>(at_++), 1}};
    }

    bool seek(std::int64_t pts) override {
        if (pts < 0 || pts >= info_.frames) {
            return false;
        }
        at_ = static_cast<std::size_t>(pts);
        return true;
    }

  private:
    FilmReadOptions options_;
    std::vector<fs::path> files_;
    FilmInfo info_;
    std::size_t at_ = 0;
};

}  // namespace

bool is_picture_pattern(const fs::path& path) { return parse(path.filename().string()).has_value(); }

std::unique_ptr<FrameSource> open_pictures(const fs::path& path, const FilmReadOptions& options) {
    return std::make_unique<Pictures>(path, options);
}

}  // namespace reverie::output

namespace reverie {

std::vector<std::filesystem::path> numbered_pictures(const std::filesystem::path& path) {
    std::vector<std::filesystem::path> pictures;
    for (const auto& [number, file] : output::numbers_of(path)) {
        pictures.push_back(file);
    }
    return pictures;
}

}  // namespace reverie
