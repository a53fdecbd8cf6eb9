#include "cli/style/fast_style_flags.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/frame/option_flags.h"
#include "cli/style/style_flags.h"
#include "cli/training/preset_flags.h"
#include "core/json_text.h"
#include "reverie/train/run_weights.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// Rows that `add` has no choice about.
OptionTable<FastStyleOptions> table_of(bool adds) {
    OptionTable<FastStyleOptions> table = fast_style_option_table();
    if (adds) {
        std::erase_if(table, [](const auto& row) { return row.name == "net"; });
    }
    return table;
}

std::string name_of(const std::string& path) {
    const fs::path normal = fs::absolute(path).lexically_normal();
    const fs::path bare = normal.has_filename() ? normal : normal.parent_path();
    std::error_code ignored;
    std::string name = (fs::is_directory(bare, ignored) ? bare.filename() : bare.stem()).string();
    std::ranges::replace_if(
        name, [](char c) { return c == ':' || c == '='; }, '_');
    return name.empty() ? "style" : name;
}

}  // namespace

void add_flags(CLI::App& app, FastStyleFlags& flags, bool adds) {
    FlagGroup input(app, "Input and output");
    if (adds) {
        input.add("TO,--to", flags.to, "", "what gets a style more: a run of styletransfer train, or its weights file");
    }
    // Also a flag, so that a configuration file can say it.
    input.add_paths("STYLE,--style", flags.styles, "IMAGE",
                    std::string(adds ? "the styles to add" : "the styles to learn") +
                        ": pictures, or folders whose pictures are one style");
    FlagGroup model(app, "Model");
    if (!adds) {
        model.add("--init-from", flags.init_from, "RUN",
                  "begin from the net of another run or file, whatever its styles: it saves the first minutes");
    }
    FlagGroup loss(app, "Loss");
    loss.add("--network", flags.network, "NAME",
             "the pretrained net that judges; auto: the first installed of " + join(style_networks()));
    loss.add("--content-network", flags.content_network, "NAME",
             "a second one that sees what the photo shows; auto: " + join(content_networks()) +
                 " where it is installed; none: only the first");
    static const OptionTable<FastStyleOptions> all = table_of(false);
    static const OptionTable<FastStyleOptions> adding = table_of(true);
    const FastStyleOptions recipe = fast_style_recipe().options;
    add_flags<FastStyleOptions>(
        app, adds ? adding : all, flags.options, [&](const OptionRow<FastStyleOptions>& row) -> std::string {
            return adds && row.heading == "Loss" ? "that of the net" : default_text(row, recipe);
        });
}

std::vector<StyleInput> fast_style_inputs(const FastStyleFlags& flags) {
    std::vector<StyleInput> styles;
    std::set<fs::path> seen;
    for (const std::string& path : flags.styles) {
        std::error_code ignored;
        if (!seen.insert(fs::weakly_canonical(fs::absolute(path), ignored)).second) {
            throw Error(ErrorKind::Usage, "the style '" + path + "' is given twice; leave one out");
        }
        styles.push_back({.path = path, .mask = {}});
    }
    if (styles.empty()) {
        throw Error(ErrorKind::Usage, "no style is given; name STYLE, one or several pictures to learn from");
    }
    return styles;
}

std::vector<std::string> fast_style_names(const std::vector<StyleInput>& styles, std::vector<std::string> taken) {
    for (const StyleInput& style : styles) {
        const std::string stem = name_of(style.path);
        std::string name = stem;
        for (int number = 2; std::ranges::find(taken, name) != taken.end(); ++number) {
            name = stem + "-" + std::to_string(number);
        }
        taken.push_back(name);
    }
    return taken;
}

StyleNetFile read_style_net(const fs::path& path) {
    const StateDict weights = read_run_weights(path, RunWeights::Average, kStyleProgram);
    try {
        return {{style_net_options(weights.metadata()), all_tensors(weights)}, weights.metadata()};
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Input) {
            throw;
        }
        throw Error(ErrorKind::Weights, "'" + weights.path().string() +
                                            "' holds no style net that `styletransfer train` wrote; pass the folder of "
                                            "its run, or its weights file");
    }
}

RunOptions fast_style_identity(const FastStyleFlags& flags, const FastStyleOptions& options) {
    RunOptions identity;
    add_options(identity, fast_style_option_table(), options);
    if (!flags.init_from.empty()) {
        identity.emplace_back("init-from", fs::absolute(flags.init_from).string());
    }
    if (!flags.to.empty()) {
        identity.emplace_back("to", fs::absolute(flags.to).string());
    }
    identity.emplace_back("list of styles", join(options.net.styles));
    return identity;
}

}  // namespace reverie
