// Binding flags to the fields of options structs: parsing, the help's default and the wording of a bad value come from
// one call, so they cannot drift apart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace reverie {

/// A field seen as text: how a flag sets it, what it wants to hear and what it holds now.
struct FlagTarget {
    std::function<bool(const std::string&)> set;  ///< false: the text is no such value
    std::string wanted;                           ///< "a whole number"
    std::string now;                              ///< the value as one would type it; empty: none
};

/// The shortest text that reads back as the same number.
std::string number_text(double value);

FlagTarget target_of(std::string& value);
FlagTarget target_of(std::filesystem::path& value);
FlagTarget target_of(int& value);
FlagTarget target_of(std::int64_t& value);
FlagTarget target_of(std::uint64_t& value);
FlagTarget target_of(double& value);

/// A field that stays empty until the flag is given.
template <typename T>
FlagTarget target_of(std::optional<T>& value) {
    T probe{};
    FlagTarget target = target_of(probe);
    target.now.clear();
    target.set = [&value](const std::string& text) {
        T parsed{};
        if (!target_of(parsed).set(text)) {
            return false;
        }
        value = parsed;
        return true;
    };
    return target;
}

/// The words a flag chooses from.
template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

/// The word for a value of an enumeration; empty when it has none.
template <typename T>
std::string choice_text(const Choices<T>& choices, const T& value) {
    for (const auto& [word, meaning] : choices) {
        if (meaning == value) {
            return word;
        }
    }
    return "";
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

/// Puts what was given over what a recipe says.
template <typename T>
void take(T& field, const std::optional<T>& given) {
    field = given.value_or(field);
}

/// A heading of the help and the flags under it.
class FlagGroup {
  public:
    FlagGroup(CLI::App& app, std::string heading) : app_(app), heading_(std::move(heading)) {}

    /// `names`: "-o,--output"; `metavar`: what stands for the value in the help. A bad value throws Usage. The help
    /// shows the field's present value as the default, or `default_text` when that is not empty.
    template <typename T>
    CLI::Option* add(const std::string& names, T& value, const std::string& metavar, const std::string& help,
                     const std::string& default_text = "") {
        return add_target(names, target_of(value), metavar, help, default_text);
    }

    /// A flag without a value.
    CLI::Option* add(const std::string& names, bool& value, const std::string& help);

    /// A flag that takes several values, separated by blanks or commas. Given again, the last list counts, as of every
    /// flag the last value.
    CLI::Option* add_list(const std::string& names, std::vector<std::string>& values, const std::string& metavar,
                          const std::string& help, const std::string& default_text = "");

    /// The same for paths, which may hold commas: separated by blanks alone.
    CLI::Option* add_paths(const std::string& names, std::vector<std::string>& values, const std::string& metavar,
                           const std::string& help);

    /// The first word that belongs to no flag.
    CLI::Option* add_positional(const std::string& name, std::string& value, const std::string& help);

    /// The words that belong to no flag.
    CLI::Option* add_positional(const std::string& name, std::vector<std::string>& values, const std::string& help);

    /// A flag that takes one of a few words. T is an enumeration, or an optional of one.
    template <typename E>
    CLI::Option* add_choice(const std::string& names, E& value, const Choices<E>& choices, const std::string& help) {
        return add_words(names, words_of(choices), choice_text(choices, value), help, "",
                         [&value, choices](std::size_t index) { value = choices[index].second; });
    }
    template <typename E>
    CLI::Option* add_choice(const std::string& names, std::optional<E>& value, const Choices<E>& choices,
                            const std::string& help, const std::string& default_text) {
        return add_words(names, words_of(choices), "", help, default_text,
                         [&value, choices](std::size_t index) { value = choices[index].second; });
    }

  private:
    template <typename E>
    static std::vector<std::string> words_of(const Choices<E>& choices) {
        std::vector<std::string> words;
        for (const auto& choice : choices) {
            words.push_back(choice.first);
        }
        return words;
    }
    CLI::Option* add_target(const std::string& names, FlagTarget target, const std::string& metavar,
                            const std::string& help, const std::string& default_text);
    CLI::Option* add_words(const std::string& names, const std::vector<std::string>& words, const std::string& now,
                           const std::string& help, const std::string& default_text,
                           std::function<void(std::size_t)> choose);

    CLI::App& app_;
    std::string heading_;
};

/// Keeps a flag out of configuration files: it says what to do now, not how.
void not_configurable(CLI::Option* option);

}  // namespace reverie
