// Small pieces of wording that every room needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reverie {

/// Up to `count` of the candidates, nearest to `word` first by edit distance (case ignored); empty when none is near.
std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& candidates,
                                       std::size_t count = 3);

/// "; did you mean 'a', 'b' or 'c'?" from nearest_names, or "" when none is near: to be appended to a sentence.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// "a, b and c" (or another last separator).
std::string join(const std::vector<std::string>& words, std::string_view separator = ", ",
                 std::string_view last = " and ");

/// A number in a sentence: 0.5 -> "0.5", 1e-5 -> "0.00001", 3e20 -> "3e+20".
std::string human_number(double value);

/// The bytes of the well-formed UTF-8 character that `text` begins with; 0: it begins with none.
std::size_t utf8_character(std::string_view text);

/// Whether it is well-formed UTF-8.
bool is_utf8(std::string_view text);

/// On one line whatever it holds: control characters are written as escapes ("\n", "\x1b").
std::string one_line(std::string_view text);

/// A path on a line of its own: as it is, or, with control characters in it, as bash quotes those: $'two\nlines.png'.
std::string path_word(std::string_view path);

/// 1536 -> "1.5 kB" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);

/// 7.4 -> "7.4 s", 95 -> "1 min 35 s", 7300 -> "2 h 1 min".
std::string human_seconds(double seconds);

}  // namespace reverie
