#include "cli/dream/dream_flags.h"

#include <algorithm>
#include <utility>

#include "cli/frame/option_flags.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

DreamPreset preset_in(const GivenOptions& given) {
    return with_given(DreamOptions(), dream_option_table(), given.only("preset")).preset;
}

/// The net that a preset was published with; empty: ours is for any.
std::string own_network(DreamPreset preset) {
    switch (preset) {
        case DreamPreset::Chollet2e:
        case DreamPreset::Chollet1e:
            return "inception_v3";
        case DreamPreset::Google:
        case DreamPreset::NeuralDream:
            return "googlenet";
        case DreamPreset::Gordic:
            return "vgg16";
        case DreamPreset::Reverie:
            break;
    }
    return "";
}

/// What the recipes say, for the help: "4", or a line for each value where they differ.
std::string recipes_say(const OptionRow<DreamOptions>& row) {
    std::vector<std::pair<std::string, std::vector<std::string>>> groups;  // value -> networks, in order
    for (const char* network : {"inception_v3", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2",
                                "googlenet", "resnet50", "vgg19", "vgg16", "vgg16_hed"}) {
        const std::string text = default_text(row, dream_recipe(network));
        const auto group =
            std::find_if(groups.begin(), groups.end(), [&text](const auto& one) { return one.first == text; });
        if (group == groups.end()) {
            groups.push_back({text, {network}});
        } else {
            group->second.emplace_back(network);
        }
    }
    if (groups.size() == 1) {
        return groups.front().first;
    }
    std::string said;
    for (const auto& [text, networks] : groups) {
        said += "\n" + join(networks) + ": " + text;
    }
    return said;
}

}  // namespace

std::vector<std::string> dream_networks() { return {"inception_v3", "efficientnet_lite0", "vgg16_hed"}; }

std::vector<std::string> dream_networks(const GivenOptions& given, const WeightStore& store) {
    std::vector<std::string> names = dream_networks();
    const std::string own = own_network(preset_in(given));
    const auto is_own = [&own](const InstalledNetwork& network) { return network.entry.name == own; };
    if (std::ranges::any_of(store.networks(), is_own)) {
        std::erase(names, own);
        names.insert(names.begin(), own);
    }
    return names;
}

void add_dream_flags(CLI::App& app, GivenOptions& given) {
    add_flags<DreamOptions>(app, dream_option_table(), given, recipes_say);
}

std::vector<Followers> dream_followers() {
    const OptionTable<DreamOptions>& table = dream_option_table();
    std::vector<Followers> all = followers_of(table);
    all.push_back({"preset", option_names(table, &OptionRow<DreamOptions>::from_recipe)});
    all.push_back({"init", {"detail", "tone", "calm"}});
    return all;
}

DreamOptions dream_options(const GivenOptions& given, const std::string& network, DreamInit init, std::uint64_t seed) {
    const OptionTable<DreamOptions>& table = dream_option_table();
    // Whose recipe it is comes first, then what it is to start from.
    DreamOptions recipe = dream_recipe(network, preset_in(given));
    start_from(init, recipe);
    DreamOptions options = with_given(recipe, table, given);
    options.seed = seed;
    validate(options);
    return options;
}

}  // namespace reverie
