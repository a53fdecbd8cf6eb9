#include "reverie/core/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <utility>

namespace reverie {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = std::tolower(static_cast<unsigned char>(a[i - 1])) ==
                              std::tolower(static_cast<unsigned char>(b[j - 1]));
            const std::size_t replaced = diagonal + (same ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

std::string format(const char* pattern, double value, const char* unit) {
    char text[64];
    std::snprintf(text, sizeof text, pattern, value, unit);
    return text;
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& candidates,
                                       std::size_t count) {
    std::vector<std::pair<std::size_t, std::string>> scored;
    const std::size_t furthest = std::max<std::size_t>(2, word.size() / 2);
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance <= furthest) {
            scored.emplace_back(distance, candidate);
        }
    }
    std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> names;
    for (const auto& [distance, name] : scored) {
        if (names.size() == count) {
            break;
        }
        names.push_back(name);
    }
    return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    std::vector<std::string> quoted;
    for (const std::string& name : nearest_names(word, candidates)) {
        quoted.push_back("'" + name + "'");
    }
    if (quoted.empty()) {
        return "";
    }
    return "; did you mean " + join(quoted, ", ", " or ") + "?";
}

std::string join(const std::vector<std::string>& words, std::string_view separator, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) {
            text += i + 1 == words.size() ? last : separator;
        }
        text += words[i];
    }
    return text;
}

std::string human_number(double value) {
    char text[32];
    char plain[64];
    const auto shortest = std::to_chars(text, text + sizeof text, value);
    // 1e-05 is how a computer writes; twenty digits are no better.
    const auto digits = std::to_chars(plain, plain + sizeof plain, value, std::chars_format::fixed);
    const bool readable = digits.ec == std::errc() && digits.ptr - plain <= 12;
    return readable ? std::string(plain, digits.ptr) : std::string(text, shortest.ptr);
}

std::size_t utf8_character(std::string_view text) {
    constexpr std::array<std::uint32_t, 4> kLeast = {0, 0x80, 0x800, 0x10000};  // shorter forms must be used below
    if (text.empty()) {
        return 0;
    }
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
        return 1;
    }
    const std::size_t more = first >= 0xf8 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if (more == 0 || text.size() <= more) {
        return 0;
    }
    std::uint32_t point = first & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
        const auto next = static_cast<unsigned char>(text[k]);
        if ((next & 0xc0) != 0x80) {
            return 0;
        }
        point = (point << 6) | (next & 0x3f);
    }
    return point < kLeast[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : more + 1;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_character(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

std::string one_line(std::string_view text) {
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            line += c;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            line += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
        } else {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\x%02x", byte);
            line += escape;
        }
    }
    return line;
}

std::string path_word(std::string_view path) {
    if (std::string line = one_line(path); line == path) {
        return line;
    }
    std::string word = "$'";
    for (const char c : path) {
        word += c == '\\' || c == '\'' ? std::string("\\") + c : one_line({&c, 1});
    }
    return word + "'";
}

std::string human_bytes(std::uint64_t bytes) {
    static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
        value /= 1000.0;
        ++unit;
    }
    return format(unit == 0 || value >= 99.5 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
}

std::string human_seconds(double seconds) {
    if (seconds < 9.95) {
        return format("%.1f %s", seconds, "s");
    }
    const auto whole = std::llround(seconds);
    if (whole < 60) {
        return std::to_string(whole) + " s";
    }
    if (whole < 3600) {
        return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
    }
    return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

}  // namespace reverie
