#include "cli/frame/help.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <vector>

namespace reverie {
namespace {

constexpr int kFlagColumns = 28;

std::string names_and_value(const CLI::Option& option) {
    std::string text;
    if (option.get_positional()) {
        return option.get_name(true) + (option.get_expected_max() > 1 ? "..." : "");
    }
    for (const std::string& name : option.get_snames()) {
        text += "-" + name + ", ";
    }
    if (option.get_snames().empty()) {
        text += "    ";
    }
    for (const std::string& name : option.get_lnames()) {
        text += "--" + name;
    }
    if (option.get_items_expected_max() > 0 && !option.get_type_name().empty()) {
        text += " " + option.get_type_name() + (option.get_expected_max() > 1 ? "..." : "");
    }
    return text;
}

std::string entry(const CLI::Option& option, int columns) {
    std::string line = "  " + names_and_value(option);
    std::string about = option.get_description();
    if (const std::string preset = option.get_default_str(); !preset.empty()) {
        about += " (default: " + preset + ")";
    }
    const std::string wrapped = wrap_text(about, columns - kFlagColumns - 2, kFlagColumns + 2);
    if (static_cast<int>(line.size()) > kFlagColumns) {
        line += "\n" + std::string(kFlagColumns + 2, ' ');
    } else {
        line.resize(kFlagColumns + 2, ' ');
    }
    return line + wrapped + "\n";
}

}  // namespace

std::string wrap_text(const std::string& text, int columns, int indent) {
    const std::string fresh_line = "\n" + std::string(static_cast<std::size_t>(indent), ' ');
    std::string wrapped;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        wrapped += wrapped.empty() ? "" : fresh_line;
        int used = 0;
        std::istringstream words(line);
        for (std::string word; words >> word;) {
            const int length = static_cast<int>(word.size());
            if (used > 0 && used + 1 + length > columns) {
                wrapped += fresh_line;
                used = 0;
            }
            wrapped += (used > 0 ? " " : "") + word;
            used += length + (used > 0 ? 1 : 0);
        }
    }
    return wrapped;
}

std::string help_text(const CLI::App& app, int columns) {
    columns = std::clamp(columns, 60, 100);
    std::string inputs;
    std::vector<std::string> headings;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) {
            inputs += " " + names_and_value(*option);
        }
        if (!option->get_group().empty() &&
            std::find(headings.begin(), headings.end(), option->get_group()) == headings.end()) {
            headings.push_back(option->get_group());
        }
    }
    std::string text = wrap_text(app.get_description(), columns, 0) + "\n\nusage: " + app.get_name() + inputs +
                       (app.get_option_no_throw("--output") != nullptr ? " -o OUT" : "") + " [flags]\n";
    for (const std::string& heading : headings) {
        text += "\n" + heading + ":\n";
        for (const bool positional : {true, false}) {
            for (const CLI::Option* option : app.get_options()) {
                if (option->get_group() == heading && option->get_positional() == positional) {
                    text += entry(*option, columns);
                }
            }
        }
    }
    text +=
        "\n" + wrap_text("Of a flag given twice the last value counts, of a list the last list.", columns, 0) + "\n";
    return text + "\n" + app.get_footer();
}

}  // namespace reverie
