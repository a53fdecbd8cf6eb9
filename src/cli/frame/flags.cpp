#include "reverie/cli/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

template <typename Number>
bool parse_number(const std::string& text, Number& value) {
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
}

template <typename Number>
FlagTarget whole_number(Number& value, const char* wanted) {
    return {.set = [&value](const std::string& text) { return parse_number(text, value); },
            .wanted = wanted,
            .now = std::to_string(value)};
}

/// Given again, it starts anew: the last one counts, of lists the last list. People keep flags in an alias and override
/// them behind it.
CLI::Option* last_counts(CLI::Option* option) { return option->trigger_on_parse()->take_last(); }

/// The name a message calls a flag by: the long one.
std::string long_name(const std::string& names) { return names.substr(names.rfind(',') + 1); }

}  // namespace

std::string number_text(double value) {
    char text[32];
    const auto result = std::to_chars(text, text + sizeof text, value);
    return {text, result.ptr};
}

FlagTarget target_of(std::string& value) {
    return {.set =
                [&value](const std::string& text) {
                    value = text;
                    return true;
                },
            .wanted = "a text",
            .now = value};
}

FlagTarget target_of(std::filesystem::path& value) {
    return {.set =
                [&value](const std::string& text) {
                    value = text;
                    return !text.empty();
                },
            .wanted = "a path",
            .now = value.string()};
}

FlagTarget target_of(int& value) { return whole_number(value, "a whole number"); }
FlagTarget target_of(std::int64_t& value) { return whole_number(value, "a whole number"); }
FlagTarget target_of(std::uint64_t& value) { return whole_number(value, "a whole number, 0 or more"); }

FlagTarget target_of(double& value) {
    return {.set = [&value](const std::string& text) { return parse_number(text, value) && std::isfinite(value); },
            .wanted = "a number",
            .now = number_text(value)};
}

CLI::Option* FlagGroup::add(const std::string& names, bool& value, const std::string& help) {
    return last_counts(app_.add_flag(names, value, help))->group(heading_);
}

CLI::Option* FlagGroup::add_list(const std::string& names, std::vector<std::string>& values, const std::string& metavar,
                                 const std::string& help, const std::string& default_text) {
    CLI::Option* option = app_.add_option(names, values, help)->type_name(metavar)->delimiter(',')->group(heading_);
    option->trigger_on_parse();
    return default_text.empty() ? option : option->default_str(default_text);
}

CLI::Option* FlagGroup::add_paths(const std::string& names, std::vector<std::string>& values,
                                  const std::string& metavar, const std::string& help) {
    return app_.add_option(names, values, help)->type_name(metavar)->group(heading_)->trigger_on_parse();
}

CLI::Option* FlagGroup::add_positional(const std::string& name, std::string& value, const std::string& help) {
    return app_.add_option(name, value, help)->type_name("")->group(heading_)->configurable(false);
}

CLI::Option* FlagGroup::add_positional(const std::string& name, std::vector<std::string>& values,
                                       const std::string& help) {
    CLI::Option* option = app_.add_option(name, values, help)->type_name("")->group(heading_);
    return option->configurable(false);
}

CLI::Option* FlagGroup::add_target(const std::string& names, FlagTarget target, const std::string& metavar,
                                   const std::string& help, const std::string& default_text) {
    const std::string shown = default_text.empty() ? target.now : default_text;
    const auto set = [name = long_name(names), target = std::move(target)](const CLI::results_t& words) {
        if (!target.set(words.front())) {
            throw Error(ErrorKind::Usage, name + " '" + words.front() + "' is not what it takes; wanted " +
                                              target.wanted + " (see --help)");
        }
        return true;
    };
    CLI::Option* option = last_counts(app_.add_option(names, set, help))->type_name(metavar)->group(heading_);
    return shown.empty() ? option : option->default_str(shown);
}

CLI::Option* FlagGroup::add_words(const std::string& names, const std::vector<std::string>& words,
                                  const std::string& now, const std::string& help, const std::string& default_text,
                                  std::function<void(std::size_t)> choose) {
    const auto set = [name = long_name(names), words, choose = std::move(choose)](const CLI::results_t& given) {
        const auto found = std::find(words.begin(), words.end(), given.front());
        if (found == words.end()) {
            throw Error(ErrorKind::Usage, name + " '" + given.front() + "' is not known; wanted " +
                                              join(words, ", ", " or ") + did_you_mean(given.front(), words));
        }
        choose(static_cast<std::size_t>(found - words.begin()));
        return true;
    };
    const std::string shown = default_text.empty() ? now : default_text;
    CLI::Option* option = last_counts(app_.add_option(names, set, help));
    option->type_name(join(words, "|", "|"))->group(heading_);
    return shown.empty() ? option : option->default_str(shown);
}

void not_configurable(CLI::Option* option) { option->configurable(false); }

}  // namespace reverie
