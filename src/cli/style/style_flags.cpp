#include "cli/style/style_flags.h"

#include <algorithm>
#include <limits>
#include <system_error>

#include "cli/frame/option_flags.h"
#include "cli/pictures/init_flag.h"
#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

const Choices<StyleInit>& inits() {
    static const Choices<StyleInit> choices = {
        {"content", StyleInit::Content}, {"style", StyleInit::Style}, {"noise", StyleInit::Noise}};
    return choices;
}

}  // namespace

std::vector<std::string> style_networks() { return {"vgg19", "vgg16", "vgg16_hed"}; }

std::vector<std::string> content_networks() { return {"efficientnet_lite0"}; }

void add_flags(CLI::App& app, StyleFlags& flags) {
    const StyleOptions recipe = style_recipe(StylePreset::Reverie);

    FlagGroup style(app, "Style");
    style.add_paths("--style", flags.styles, "IMAGE[=WEIGHT]",
                    "whose style: a picture, or a folder whose pictures' mean is taken; several are blended by weight");
    style.add_paths("--style-coarse", flags.coarse, "IMAGE[=WEIGHT]", "a style for the large structures only");
    style.add_paths("--style-fine", flags.fine, "IMAGE[=WEIGHT]", "a style for the small structures only");
    style.add("--each-style", flags.each_style,
              "every input with every --style alone, into OUT/STYLE/INPUT, instead of all styles blended");

    FlagGroup model(app, "A net that has learnt styles");
    model.add(
        "--model", flags.model, "FILE[:STYLE[=WEIGHT]...]",
        "paint in one pass of a net, at the input's own size: a run folder of `styletransfer train`, its weights, "
        "or a .pth of PyTorch's examples/fast_neural_style; several of its styles are blended by weight; none "
        "named: its first");
    model.add("--refine", flags.refine, "N",
              "go on from there with so many optimising steps towards --style, at the full size",
              OptionRange{1, 100000, "1 to 100000"}, "none");

    FlagGroup regions(app, "Regions");
    regions.add_paths("--mask", flags.masks, "IMAGE",
                      "where a style applies: white there, black elsewhere; one for each style, in their order");
    regions.add("--protect", flags.protect, "IMAGE", "white where the input stays as it is");

    add_flags<StyleOptions>(app, style_option_table(), flags.options,
                            [&recipe](const OptionRow<StyleOptions>& row) { return default_text(row, recipe); });

    FlagGroup counts(app, "What counts");
    counts.add("--content-network", flags.content_network, "NAME",
               "a second net, which knows things, sees the content too; auto: " + join(content_networks()) +
                   " where it is installed and the preset is reverie, else none; others: see --list-networks");

    FlagGroup color(app, "Colour");
    color.add("--only-color", flags.only_color,
              "give the input the style's colours and nothing else, at its own size; needs no net");

    FlagGroup work(app, "Optimisation");
    work.add("--init", flags.init, "content|style|noise|FILE", "what to start from", choice_text(inits(), recipe.init));

    FlagGroup watching(app, "Watching and going on");
    not_configurable(watching.add("--trace", flags.trace, "FILE",
                                  "write the losses of every step, a JSON line each, to a new file, which no other run "
                                  "may share"));
    not_configurable(
        watching.add("--checkpoint", flags.checkpoint, "FILE",
                     "keep the state of the work there, until it is done: a new file, which no other run may share"));
    watching.add("--checkpoint-every", flags.checkpoint_every, "N", "steps between states",
                 OptionRange{1, std::numeric_limits<double>::max(), "1 or more"});
    not_configurable(
        watching.add("--resume", flags.resume,
                     "go on from the --checkpoint when it is there, to the very same picture, and leave out "
                     "what has its output already; of a film from the frames in NAME.state, without --checkpoint"));
    add_flags(app, flags.film, /*with_fps=*/true);
}

void validate(const StyleFlags& flags, bool paints_film) {
    const auto refuse = [](const std::string& sentence) { throw Error(ErrorKind::Usage, sentence); };
    if (flags.refine > 0 && flags.model.empty()) {
        refuse("--refine goes on from what a net has painted, and there is none; name it with --model");
    }
    if (flags.styles.empty() && (flags.coarse.empty() || flags.fine.empty())) {
        refuse(flags.coarse.empty() && flags.fine.empty()
                   ? std::string("no style is given; pass --style IMAGE (a picture, or a folder of pictures)") +
                         (flags.model.empty() ? ", or --model FILE, a net that has learnt one" : "")
                   : "--style-coarse and --style-fine leave structures without a style; give both of them, or --style");
    }
    if (flags.each_style && !(flags.coarse.empty() && flags.fine.empty())) {
        refuse("--each-style takes each --style alone, so it excludes --style-coarse and --style-fine; leave one out");
    }
    const std::size_t styles = flags.styles.size() + flags.coarse.size() + flags.fine.size();
    if (!flags.masks.empty() && flags.masks.size() != styles) {
        refuse("--mask names " + std::to_string(flags.masks.size()) + ", but there are " + std::to_string(styles) +
               (styles == 1 ? " style" : " styles") +
               "; give one mask for each, in the order --style, --style-coarse, --style-fine");
    }
    if (flags.only_color) {
        if (styles > 1 && !flags.each_style) {
            refuse("--only-color takes the colours of one style, but " + std::to_string(styles) +
                   " are given; leave the others out, or add --each-style");
        }
    }
    if (flags.resume && flags.checkpoint.empty() && !paints_film) {
        refuse("--resume does not say from where; name the file with --checkpoint");
    }
}

NetworkOptions content_network(const std::string& name) {
    NetworkOptions options;
    options.network = name;
    options.flag = "content-network";
    return options;
}

StyleOptions style_options(const StyleFlags& flags, std::uint64_t seed) {
    const OptionTable<StyleOptions>& table = style_option_table();
    // Whose recipe it is comes first.
    const StyleOptions recipe = style_recipe(with_given(StyleOptions(), table, flags.options.only("preset")).preset);
    StyleOptions options = with_given(recipe, table, flags.options);
    for (const auto& [word, init] : inits()) {
        if (flags.init == word) {
            options.init = init;
        }
    }
    options.seed = seed;
    validate(options);
    return options;
}

std::vector<Followers> style_followers() {
    const OptionTable<StyleOptions>& table = style_option_table();
    std::vector<Followers> all = followers_of(table);
    all.push_back({"preset", option_names(table, &OptionRow<StyleOptions>::from_recipe)});
    all.back().followers.insert(all.back().followers.end(), {"init", "content-network"});
    all.push_back({"content-network", {"content-network-layers", "content-network-share"}});
    std::vector<std::string> optimised = optimising_flags();
    optimised.emplace_back("refine");
    all.push_back({"model", std::move(optimised)});
    return all;
}

std::vector<std::string> optimising_flags() {
    std::vector<std::string> names = {
        "style",      "style-coarse", "style-fine", "each-style", "content-network",  "init",         "trace",
        "checkpoint", "network",      "weights",    "resume",     "checkpoint-every", "preprocessing"};
    for (const OptionRow<StyleOptions>& row : style_option_table()) {
        if (row.name != std::string("strength") && row.name != std::string("color")) {
            names.emplace_back(row.name);
        }
    }
    return names;
}

std::optional<std::filesystem::path> init_file(const StyleFlags& flags) {
    return init_file(flags.init, words_of(inits()));
}

void add_settings(Settings& settings, const StyleOptions& options, const StyleFlags& flags,
                  const std::string& content_network) {
    Settings all;
    add_settings(all, style_option_table(), options);
    for (const Setting& setting : all.all()) {
        if (content_network != kNoNetwork || !setting.name.starts_with("content-network")) {
            settings.set_list(setting.name, setting.values);
        }
    }
    settings.set("init", init_text(init_file(flags), choice_text(inits(), options.init)));
    settings.set("seed", std::to_string(options.seed));
}

}  // namespace reverie
