// Flags bound to single values: parsing, range, the help's default and the wording of a bad value come from one call,
// so they cannot drift apart. The options of a technique come from its table instead.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "reverie/core/option_table.h"
#include "reverie/core/text.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace reverie {

/// A heading of the help and the flags under it.
class FlagGroup {
  public:
    FlagGroup(CLI::App& app, std::string heading) : app_(app), heading_(std::move(heading)) {}

    /// `names`: "-o,--output"; `metavar`: what stands for the value in the help. A bad value throws Usage. The help
    /// shows the value's present state as the default, or `default_text` when that is not empty.
    template <typename T>
    CLI::Option* add(const std::string& names, T& value, const std::string& metavar, const std::string& help,
                     const std::string& default_text = "") {
        return add_parsed(names, value, {}, metavar, help, default_text);
    }

    /// The same for a number within a range.
    template <typename T>
    CLI::Option* add(const std::string& names, T& value, const std::string& metavar, const std::string& help,
                     const OptionRange& range, const std::string& default_text = "") {
        return add_parsed(names, value, range, metavar, help, default_text);
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

    /// A flag that takes one of a few words.
    template <typename E>
    CLI::Option* add_choice(const std::string& names, E& value, const Choices<E>& choices, const std::string& help) {
        const auto take = [&value, choices, name = long_name(names)](const std::string& text) {
            for (const auto& [word, meaning] : choices) {
                if (word == text) {
                    value = meaning;
                    return;
                }
            }
            refuse_option(name, {text}, "", words_of(choices));
        };
        return add_value(names, take, join(words_of(choices), "|", "|"), help, choice_text(choices, value));
    }

  private:
    using Take = std::function<void(const std::string& text)>;

    template <typename T>
    CLI::Option* add_parsed(const std::string& names, T& value, const OptionRange& range, const std::string& metavar,
                            const std::string& help, const std::string& default_text) {
        const auto take = [&value, range, name = long_name(names)](const std::string& text) {
            T parsed{};
            if (!parse_value(text, parsed)) {
                refuse_option(name, {text}, wanted_text(parsed), {});
            }
            if constexpr (requires { static_cast<double>(*parsed); }) {
                require_in_range(name, static_cast<double>(*parsed), range);
            } else if constexpr (std::is_arithmetic_v<T>) {
                require_in_range(name, static_cast<double>(parsed), range);
            }
            value = std::move(parsed);
        };
        return add_value(names, take, metavar, help, default_text.empty() ? value_text(value) : default_text);
    }

    /// The name that a message calls a flag by: the long one, without dashes.
    static std::string long_name(const std::string& names);

    CLI::Option* add_value(const std::string& names, const Take& take, const std::string& metavar,
                           const std::string& help, const std::string& default_text);

    CLI::App& app_;
    std::string heading_;
};

/// Keeps a flag out of configuration files: it says what to do now, not how.
void not_configurable(CLI::Option* option);

}  // namespace reverie
