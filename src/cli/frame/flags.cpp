#include "reverie/cli/flags.h"

#include <CLI/CLI.hpp>

#include "cli/frame/option_flags.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

/// Given again, it starts anew: the last one counts, of lists the last list. People keep flags in an alias and override
/// them behind it.
CLI::Option* last_counts(CLI::Option* option) { return option->trigger_on_parse()->take_last(); }

CLI::Option* with_default(CLI::Option* option, const std::string& text) {
    return text.empty() ? option : option->default_str(text);
}

}  // namespace

std::string FlagGroup::long_name(const std::string& names) {
    const std::string name = names.substr(names.rfind(',') + 1);
    return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

CLI::Option* FlagGroup::add(const std::string& names, bool& value, const std::string& help) {
    return last_counts(app_.add_flag(names, value, help))->group(heading_);
}

CLI::Option* FlagGroup::add_list(const std::string& names, std::vector<std::string>& values, const std::string& metavar,
                                 const std::string& help, const std::string& default_text) {
    CLI::Option* option = app_.add_option(names, values, help)->type_name(metavar)->delimiter(',')->group(heading_);
    return with_default(option->trigger_on_parse(), default_text);
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

CLI::Option* FlagGroup::add_value(const std::string& names, const Take& take, const std::string& metavar,
                                  const std::string& help, const std::string& default_text) {
    const auto set = [take](const CLI::results_t& words) {
        take(words.front());
        return true;
    };
    CLI::Option* option = last_counts(app_.add_option(names, set, help))->type_name(metavar)->group(heading_);
    return with_default(option, default_text);
}

void add_option_flag(CLI::App& app, const OptionFlag& flag) {
    const std::string name = "--" + flag.name;
    const std::string help = with_flag_names(flag.help);
    if (flag.shape == OptionShape::Switch) {
        last_counts(app.add_flag_callback(
                        name, [take = flag.take] { take({"true"}); }, help))
            ->group(flag.heading);
        return;
    }
    const auto set = [take = flag.take](const CLI::results_t& words) {
        take(words);
        return true;
    };
    CLI::Option* option = app.add_option(name, set, help)->group(flag.heading);
    option->type_name(flag.words.empty() ? flag.placeholder : join(flag.words, "|", "|"));
    if (flag.shape == OptionShape::List) {
        // Without allow_extra_args, words behind the first would be inputs.
        option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args()->delimiter(',');
        option->trigger_on_parse();
    } else {
        last_counts(option);
    }
    with_default(option, flag.default_text);
}

void not_configurable(CLI::Option* option) { option->configurable(false); }

}  // namespace reverie
