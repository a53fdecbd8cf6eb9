// What the flags of trained nets have in common: a preset's recipe, labels, weights to begin from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/frame/option_flags.h"
#include "reverie/cli/flags.h"
#include "reverie/core/option_table.h"
#include "reverie/core/text.h"
#include "reverie/train/loop.h"

namespace reverie {

/// --conditional and --init-from.
void add_model_flags(FlagGroup& group, bool& conditional, std::filesystem::path& init_from);

/// Options that a recipe of training decides, by their flags' names.
std::vector<std::string> trained_by_recipe();

/// What each flag of the table brings along, and --preset all that a recipe decides.
template <typename Options>
std::vector<Followers> preset_followers(const OptionTable<Options>& table) {
    std::vector<Followers> all = followers_of(table);
    all.push_back({"preset", option_names(table, &OptionRow<Options>::from_recipe)});
    for (const std::string& name : trained_by_recipe()) {
        all.back().followers.push_back(name);
    }
    return all;
}

/// The table's options that shape a result, as lines of a run's options. Texts that are empty are left out.
template <typename Options>
void add_options(RunOptions& lines, const OptionTable<Options>& table, const Options& options, bool shaping = true) {
    for (const OptionRow<Options>& row : table) {
        const std::string text = join(row.field.texts(options), ",", ",");
        if (row.shapes_result == shaping && !text.empty()) {
            lines.emplace_back(row.name, text);
        }
    }
}

/// What decides the weights of a net of that preset, by flag names.
template <typename Options>
RunOptions model_identity(const std::string& preset, const OptionTable<Options>& table, const Options& options,
                          bool conditional, const std::filesystem::path& init_from) {
    RunOptions identity = {{"preset", preset}};
    add_options(identity, table, options);
    identity.emplace_back("conditional", value_text(conditional));
    if (!init_from.empty()) {
        identity.emplace_back("init-from", std::filesystem::absolute(init_from).string());
    }
    return identity;
}

}  // namespace reverie
