// styletransfer train, styletransfer add
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/pictures/identity.h"
#include "cli/style/fast_style_flags.h"
#include "cli/style/style_commands.h"
#include "cli/style/style_flags.h"
#include "cli/style/style_request.h"
#include "core/json_text.h"
#include "reverie/cli/data_flags.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/run_training.h"
#include "reverie/cli/train_flags.h"
#include "reverie/data/batches.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {
namespace {

constexpr std::int64_t kMostShown = 4;

/// Both commands: to add a style is to train the norm values of a net that is there already.
class FastStyleTraining : public Program {
  public:
    explicit FastStyleTraining(bool adds) : adds_(adds) {
        data_.default_size = "512";
        data_.default_channels = "3";
        train_.validation = 0.1;
    }

    std::string output_help() const override { return "the run folder, made new"; }
    bool replaces_outputs() const override { return false; }

    void add_flags(CLI::App& app) override {
        reverie::add_flags(app, train_, recipe().training, /*holds_out=*/true, "--data");
        reverie::add_flags(app, style_, adds_);
        reverie::add_flags(app, data_);
    }

    std::vector<Followers> followers() const override { return train_followers(); }

    std::filesystem::path goes_on_with(const CommonOptions& common) const override {
        std::filesystem::path earlier = options_to_resume(train_, common, kStyleProgram);
        if (!earlier.empty() && read_config(earlier).value("to").empty() == adds_) {
            const std::string other = adds_ ? "train" : "add";
            throw Error(ErrorKind::Usage, "the run '" + common.output + "' is one of `styletransfer " + other +
                                              "`; go on with it by `styletransfer " + other + " --resume`");
        }
        return earlier;
    }

    int run(Session& session) override {
        const std::vector<StyleInput> styles = fast_style_inputs(style_);
        if (adds_ && style_.to.empty()) {
            throw Error(ErrorKind::Usage, "nothing is named that a style could be added to; name RUN and then STYLE");
        }
        if (train_.data.empty()) {
            throw Error(ErrorKind::Usage,
                        "no photos are given; pass --data PHOTOS: a folder, a list file, a tar or zip");
        }
        constexpr std::int64_t kLeastStyle = 32;
        for (const StyleInput& style : styles) {
            check_style(style, kLeastStyle, ReadLimits().max_pixels);
        }
        return run_training(session, train_, data_, {.name = kStyleProgram, .prepare = [&](const TrainingImages& data) {
                                                         return prepare(session, styles, data);
                                                     }});
    }

  private:
    FastStyleRecipe recipe() const {
        FastStyleRecipe recipe = fast_style_recipe();
        if (adds_) {
            recipe.options.adds_styles = true;
            recipe.options.optimizer.learning_rate = 1e-2;
            recipe.options.style_warmup = 0.0;
            recipe.training.steps = 1000;
        }
        return recipe;
    }

    TrainingPlan prepare(Session& session, const std::vector<StyleInput>& styles, const TrainingImages& data) const {
        if (data.images.channels() != 3) {
            throw Error(ErrorKind::Usage, "a style net paints photos in colour, not images of " +
                                              std::to_string(data.images.channels()) + " channels; pass --channels 3");
        }
        FastStyleRecipe recipe = this->recipe();
        const WeightStore store(store_locations(session.environment()));
        StyleNetFile start;
        if (!begins_with().empty()) {
            start = read_style_net(begins_with());
            recipe.options.net = start.weights.options;
        }
        if (adds_) {
            take_notes(start.notes, recipe.options);
        }
        FastStyleOptions options = with_given(recipe.options, fast_style_option_table(), style_.options);
        options.net.styles =
            fast_style_names(styles, adds_ ? start.weights.options.styles : std::vector<std::string>());
        const FastStyleTeacher teacher = teach(session, store, options);
        validate(options);

        TrainingPlan plan;
        plan.options = train_options(train_, recipe.training, session.common(), session.runtime());
        plan.planned = true;
        plan.identity = fast_style_identity(style_, options);
        plan.identity.emplace_back("network", teacher.notes.at("network"));
        plan.identity.emplace_back("content-network", teacher.notes.at("content network"));
        std::vector<StyleSource> sources;
        std::vector<std::string> paths;
        for (const StyleInput& style : styles) {
            paths.push_back(std::filesystem::absolute(style.path).string());
            sources.push_back(read_style(style, ReadLimits().max_pixels));
            const std::vector<Tensor>& images = sources.back().images;
            for (std::size_t i = 0; i < images.size(); ++i) {
                const std::string which =
                    "style " + std::to_string(sources.size()) + ", picture " + std::to_string(i + 1);
                plan.identity.emplace_back(pixels_of(which), digest_of(images[i]));
            }
        }
        plan.free = {{"style", json_text(nlohmann::ordered_json(paths))}};
        auto task = std::make_unique<FastStyleTask>(options, std::move(sources), teacher, session.common().runtime.seed,
                                                    start.weights, shown(session, data));
        plan.facts = {
            {"parameters", std::to_string(task->parameters())},
            {"styles", join(options.net.styles)},
            {"judged by", teacher.notes.at("network") + ", content by " + teacher.notes.at("content network")}};
        plan.task = std::move(task);
        return plan;
    }

    std::filesystem::path begins_with() const { return adds_ ? std::filesystem::path(style_.to) : style_.init_from; }

    /// What the net was trained with is what a further style is learnt with.
    static void take_notes(const std::map<std::string, std::string>& notes, FastStyleOptions& options) {
        for (const OptionRow<FastStyleOptions>& row : fast_style_option_table()) {
            const auto note = notes.find("trained with " + row.name);
            if (note != notes.end() && row.heading == "Loss" && row.name != "style-warmup") {
                set_option(options, row, {note->second});
            }
        }
    }

    FastStyleTeacher teach(Session& session, const WeightStore& store, FastStyleOptions& options) const {
        StyleFlags wanted;
        wanted.content_network = style_.content_network;
        const std::string second = choose_content_network(session, wanted, options.style, store);
        const NetworkWeights weights = resolve_network(session, {.network = style_.network}, store, style_networks());
        FastStyleTeacher teacher;
        teacher.style = std::make_shared<FrozenNet>(
            load_net(session, weights, [&](Graph& graph) { prepare_graph(graph, options.style); }));
        teacher.notes = {{"network", weights.network}, {"content network", second}};
        if (second != kNoNetwork) {
            teacher.content = std::make_shared<FrozenNet>(
                load_net(session, resolve_network(session, content_network(second), store, {})));
        }
        return teacher;
    }

    /// Photos for previews: not trained on, where there are such.
    Tensor shown(const Session& session, const TrainingImages& data) const {
        std::vector<std::int64_t> chosen = all_indices(data.test ? *data.test : data.images);
        if (!data.test) {
            const Split parts = split(data.images.count(), train_.validation, session.common().runtime.seed);
            chosen = parts.validation.empty() ? parts.train : parts.validation;
        }
        chosen.resize(std::min<std::size_t>(chosen.size(), kMostShown));
        return to_float((data.test ? *data.test : data.images).read(chosen));
    }

    bool adds_;
    TrainFlags train_;
    FastStyleFlags style_;
    DataFlags data_;
};

class Train final : public FastStyleTraining {
  public:
    Train() : FastStyleTraining(/*adds=*/false) {}
    std::string name() const override { return "styletransfer train"; }
    std::string description() const override {
        return "Learns styles for good: the net that comes out paints a photo in a fraction of a second.";
    }
    std::string examples() const override {
        return "The run folder gets weights, metrics, previews and report.html; its name is the last line printed.\n\n"
               "examples:\n"
               "  styletransfer train starry.jpg --data photos/ -o starry/ --time 30m\n"
               "  styletransfer train starry.jpg --data photos/ -o starry/ --resume     goes on, as if never stopped\n"
               "  styletransfer train paintings/*.jpg --data photos/ -o all/ --time 2h  several styles in one net\n"
               "  styletransfer train wave.jpg --data photos/ -o wave/ --init-from starry/ --time 10m\n";
    }
};

class Add final : public FastStyleTraining {
  public:
    Add() : FastStyleTraining(/*adds=*/true) {}
    std::string name() const override { return "styletransfer add"; }
    std::string description() const override {
        return "Teaches a trained net a further style by a few numbers of its own; the old ones stay to the bit.";
    }
    std::string examples() const override {
        return "The new run folder holds the whole net with one style more.\n\n"
               "examples:\n"
               "  styletransfer add starry/ wave.jpg --data photos/ -o both/ --time 5m\n";
    }
};

}  // namespace

std::unique_ptr<Program> style_train_command() { return std::make_unique<Train>(); }
std::unique_ptr<Program> style_add_command() { return std::make_unique<Add>(); }

}  // namespace reverie
