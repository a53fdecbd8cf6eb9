// Values of options as one would type them, and back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/size.h"

namespace reverie {

/// The shortest text that reads back as the same number.
std::string number_text(double value);

inline std::string value_text(const std::string& value) { return value; }
inline std::string value_text(const std::filesystem::path& value) { return value.string(); }
inline std::string value_text(bool value) { return value ? "true" : "false"; }
inline std::string value_text(int value) { return std::to_string(value); }
inline std::string value_text(std::int64_t value) { return std::to_string(value); }
inline std::string value_text(std::uint64_t value) { return std::to_string(value); }
inline std::string value_text(double value) { return number_text(value); }
inline std::string value_text(Size value) { return text_of(value); }

/// False, and `value` may be anything, when the text is no such value. Numbers are finite; a path is not empty; a size
/// is "64" (64x64) or "64x48" (width x height).
bool parse_value(const std::string& text, std::string& value);
bool parse_value(const std::string& text, std::filesystem::path& value);
bool parse_value(const std::string& text, bool& value);
bool parse_value(const std::string& text, int& value);
bool parse_value(const std::string& text, std::int64_t& value);
bool parse_value(const std::string& text, std::uint64_t& value);
bool parse_value(const std::string& text, double& value);
bool parse_value(const std::string& text, Size& value);

/// "90s", "30m", "1h30m", "2d" as seconds; false for another text.
bool parse_duration(const std::string& text, double& seconds);

/// What such a value is called where another text was found: "a whole number".
inline const char* wanted_text(const std::string& /*value*/) { return "a text"; }
inline const char* wanted_text(const std::filesystem::path& /*value*/) { return "a path"; }
inline const char* wanted_text(bool /*value*/) { return "true or false"; }
inline const char* wanted_text(int /*value*/) { return "a whole number"; }
inline const char* wanted_text(std::int64_t /*value*/) { return "a whole number"; }
inline const char* wanted_text(std::uint64_t /*value*/) { return "a whole number of 0 or more"; }
inline const char* wanted_text(double /*value*/) { return "a number"; }
inline const char* wanted_text(Size /*value*/) { return "a size in pixels (64) or width x height (64x48)"; }

/// A value that need not be there: its text is then empty.
template <typename T>
std::string value_text(const std::optional<T>& value) {
    return value ? value_text(*value) : "";
}
template <typename T>
bool parse_value(const std::string& text, std::optional<T>& value) {
    T parsed{};
    if (!parse_value(text, parsed)) {
        return false;
    }
    value = std::move(parsed);
    return true;
}
template <typename T>
const char* wanted_text(const std::optional<T>& /*value*/) {
    return wanted_text(T{});
}

/// The words that an option chooses from.
template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

/// The word for a value; empty when it has none.
template <typename T>
std::string choice_text(const Choices<T>& choices, const T& value) {
    for (const auto& [word, meaning] : choices) {
        if (meaning == value) {
            return word;
        }
    }
    return "";
}

template <typename T>
std::vector<std::string> words_of(const Choices<T>& choices) {
    std::vector<std::string> words;
    for (const auto& choice : choices) {
        words.push_back(choice.first);
    }
    return words;
}

/// Each word by what `parse` makes of it.
template <typename Parse>
auto choices_of(const std::vector<std::string>& words, const Parse& parse) {
    Choices<decltype(parse(words.front()))> choices;
    for (const std::string& word : words) {
        choices.emplace_back(word, parse(word));
    }
    return choices;
}
inline Choices<std::string> choices_of(const std::vector<std::string>& words) {
    return choices_of(words, [](const std::string& word) { return word; });
}

}  // namespace reverie
