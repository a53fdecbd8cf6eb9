// Flags out of an options table.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reverie/cli/settings.h"
#include "reverie/core/option_table.h"
#include "reverie/core/text.h"

namespace CLI {
class App;
}

namespace reverie {

/// A flag as a row of a table describes it.
struct OptionFlag {
    std::string name;
    std::string heading;
    std::string placeholder;
    std::string help;
    std::string default_text;  ///< empty: none is shown
    std::vector<std::string> words;
    OptionShape shape = OptionShape::Value;
    std::function<void(const std::vector<std::string>&)> take;  ///< throws Usage for texts that are no value
};
void add_option_flag(CLI::App& app, const OptionFlag& flag);

/// A flag for every row of the table, under its heading. What is given is checked alone and kept in `given`, for
/// with_given. `default_text` says what the help shows as default.
template <typename Options>
void add_flags(CLI::App& app, const OptionTable<Options>& table, GivenOptions& given,
               const std::function<std::string(const OptionRow<Options>&)>& default_text) {
    for (const OptionRow<Options>& row : table) {
        const auto take = [&row, &given](const std::vector<std::string>& texts) {
            Options probe{};
            set_option(probe, row, texts);
            given.set(row.name, texts);
        };
        add_option_flag(app, {row.name, row.heading, row.placeholder, row.help, default_text(row), row.field.words,
                              row.field.shape, take});
    }
}

/// The value that the help shows as default: that of `shown`; nothing for a switch that is off.
template <typename Options>
std::string default_text(const OptionRow<Options>& row, const Options& shown) {
    return row.field.shape == OptionShape::Switch ? "" : join(row.field.texts(shown), " ", " ");
}

/// Every option of the table that shapes the result, by the names of their flags.
template <typename Options>
void add_settings(Settings& settings, const OptionTable<Options>& table, const Options& options) {
    for (const OptionRow<Options>& row : table) {
        if (row.shapes_result) {
            settings.set_list(row.name, row.field.texts(options));
        }
    }
}

/// What each option of the table brings along when it is given.
template <typename Options>
std::vector<Followers> followers_of(const OptionTable<Options>& table) {
    std::vector<Followers> all;
    for (const OptionRow<Options>& row : table) {
        if (!row.followers.empty()) {
            all.push_back({row.name, row.followers});
        }
    }
    return all;
}

}  // namespace reverie
