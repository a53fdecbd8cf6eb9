#include "data/list_lines.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/image/picture.h"

namespace reverie::data {
namespace {

namespace fs = std::filesystem;

void append_utf8(std::string& text, std::uint32_t point) {
    if (point < 0x80) {
        text += static_cast<char>(point);
    } else if (point < 0x800) {
        text += static_cast<char>(0xc0 | point >> 6);
        text += static_cast<char>(0x80 | (point & 0x3f));
    } else {
        if (point < 0x10000) {
            text += static_cast<char>(0xe0 | point >> 12);
        } else {
            text += static_cast<char>(0xf0 | point >> 18);
            text += static_cast<char>(0x80 | (point >> 12 & 0x3f));
        }
        text += static_cast<char>(0x80 | (point >> 6 & 0x3f));
        text += static_cast<char>(0x80 | (point & 0x3f));
    }
}

std::string from_utf16(std::string_view text, bool big_endian) {
    std::string out;
    const auto unit = [&](std::size_t at) -> std::uint32_t {
        const auto first = static_cast<unsigned char>(text[at]);
        const auto second = static_cast<unsigned char>(text[at + 1]);
        return big_endian ? first << 8U | second : second << 8U | first;
    };
    for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
        std::uint32_t point = unit(at);
        if (point >> 10 == 0x36 && at + 3 < text.size() && unit(at + 2) >> 10 == 0x37) {  // a pair of surrogates
            point = 0x10000 + ((point & 0x3ff) << 10 | (unit(at + 2) & 0x3ff));
            at += 2;
        }
        append_utf8(out, point >> 11 == 0x1b ? 0xfffd : point);
    }
    return out;
}

std::string plain_text(std::string_view bytes) {
    if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) {
        return from_utf16(bytes.substr(2), bytes.front() == '\xfe');
    }
    return std::string(bytes.substr(bytes.starts_with("\xef\xbb\xbf") ? 3 : 0));
}

std::string_view trimmed(std::string_view line) {
    constexpr std::string_view kSpace = " \t\r";
    const std::size_t begin = line.find_first_not_of(kSpace);
    return begin == std::string_view::npos ? "" : line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

/// The text within quotation marks at the beginning of `rest`, which is shortened by it; two marks stand for one. Empty
/// where there is none or it has no end.
std::string take_quoted(std::string_view& rest) {
    std::string text;
    for (std::size_t at = 1; !rest.empty() && rest.front() == '"' && at < rest.size(); ++at) {
        if (rest[at] != '"') {
            text += rest[at];
        } else if (at + 1 < rest.size() && rest[at + 1] == '"') {
            text += rest[at++];
        } else {
            rest.remove_prefix(at + 1);
            return text;
        }
    }
    return "";
}

std::string unquoted(std::string_view text) {
    std::string_view rest = text;
    const std::string within = take_quoted(rest);
    return within.empty() || !rest.empty() ? std::string(text) : within;
}

constexpr std::string_view kSeparators = ",;\t";

/// The field before the first separator in `rest`, which becomes what is behind it.
std::string next_field(std::string_view& rest) {
    const std::size_t end = std::min(rest.find_first_of(kSeparators), rest.size());
    std::string field = unquoted(trimmed(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return field;
}

bool is_picture_name(const std::string& name) { return has_picture_extension(fs::path(name)); }

class ListReader {
  public:
    explicit ListReader(const fs::path& folder) : folder_(folder) {}

    ListLine parse(std::string_view line) const {
        const std::string whole(line);
        if (is_there(folder_ / whole)) {
            return {clean(whole), ""};
        }
        std::string_view rest = line;
        if (std::string quoted = take_quoted(rest); !quoted.empty()) {
            rest = trimmed(rest);
            if (rest.empty()) {
                return {clean(quoted), ""};
            }
            if (kSeparators.find(rest.front()) != std::string_view::npos) {
                rest.remove_prefix(1);
                return {clean(quoted), next_field(rest)};
            }
        }
        // Commas and blanks are part of many names: the path ends at the first of them behind a picture's suffix.
        for (const std::string_view separators : {kSeparators, std::string_view(" ")}) {
            for (std::size_t at = line.find_first_of(separators); at != std::string_view::npos;
                 at = line.find_first_of(separators, at + 1)) {
                const std::string path(trimmed(line.substr(0, at)));
                if (is_picture_name(path) && (separators != " " || is_there(folder_ / clean(path)))) {
                    rest = trimmed(line.substr(at + 1));
                    return {clean(path), separators == " " ? std::string(rest) : next_field(rest)};
                }
            }
        }
        return {clean(whole), ""};
    }

    /// "image,label": names of columns are neither files nor paths.
    bool is_headline(std::string_view line) const {
        if (is_there(folder_ / std::string(line)) || line.find_first_of("./\\") != std::string_view::npos) {
            return false;
        }
        return line.find_first_of(kSeparators) != std::string_view::npos;
    }

  private:
    std::string clean(std::string path) const {
        if (path.find('\\') != std::string::npos && !is_there(folder_ / path)) {  // written on Windows
            std::string turned = path;
            std::replace(turned.begin(), turned.end(), '\\', '/');
            path = is_there(folder_ / turned) ? turned : path;
        }
        while (path.starts_with("./")) {
            path.erase(0, 2);
        }
        return path;
    }

    const fs::path& folder_;
};

}  // namespace

std::vector<ListLine> list_lines(std::span<const std::byte> bytes, const fs::path& file, const fs::path& folder) {
    const std::string whole = plain_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (whole.find('\0') != std::string::npos) {
        throw Error(ErrorKind::Input, "'" + file.string() + "' is not a text of paths; one path a line was wanted");
    }
    const ListReader reader(folder);
    std::vector<ListLine> lines;
    bool first = true;
    for (std::string_view text = whole; !text.empty();) {
        const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        if (!first || !reader.is_headline(line)) {
            lines.push_back(reader.parse(line));
        }
        first = false;
    }
    return lines;
}

}  // namespace reverie::data
