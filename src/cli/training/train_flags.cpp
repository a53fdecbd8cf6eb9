#include "reverie/cli/train_flags.h"

#include <fstream>
#include <utility>

#include "cli/frame/option_flags.h"
#include "reverie/core/files.h"
#include "train/run_options.h"

namespace reverie {

void add_flags(CLI::App& app, TrainFlags& flags, const TrainOptions& recipe, bool holds_out, const std::string& data) {
    FlagGroup input(app, "Input and output");
    // Also a flag, so that a configuration file can say it.
    input.add(data, flags.data, data.starts_with("--") ? "DATA" : "",
              "images to learn from: a folder (sub-folders are labels), a list file, a tar or zip, IDX files");
    not_configurable(input.add(
        "--resume", flags.resume,
        "go on with the run in -o as if it had never stopped; flags not given are the run's own. Starts it when "
        "nothing is there"));
    input.add("--test", flags.test, "DATA",
              "measure on these images, never trained on; of an IDX folder its t10k-* files are taken by themselves");
    if (holds_out) {
        input.add("--validation", flags.validation, "SHARE", "without a test set, measure on this share of the images");
    }
    add_flags<TrainOptions>(app, train_option_table(), flags.options,
                            [&recipe](const OptionRow<TrainOptions>& row) -> std::string {
                                if (row.name == "time") {
                                    return "no limit";
                                }
                                const std::string text = default_text(row, recipe);
                                return row.heading == "How long" && text == "0" ? "" : text;
                            });
}

void validate(const TrainFlags& flags) {
    const TrainOptions given = with_given(TrainOptions(), train_option_table(), flags.options);
    if (given.steps > 0 && given.epochs > 0.0) {
        throw Error(ErrorKind::Usage, "--steps and --epochs both say how long; leave one out");
    }
    for (const auto& [name, value] :
         {std::pair{"steps", static_cast<double>(given.steps)}, std::pair{"epochs", given.epochs}}) {
        if (flags.options.has(name) && (value < 0.0 || given.steps + given.epochs == 0.0)) {
            throw Error(ErrorKind::Usage, "--" + std::string(name) + " " + number_text(value) +
                                              " is out of range; wanted a number above 0");
        }
    }
    if (!(flags.validation >= 0.0 && flags.validation < 1.0)) {
        throw Error(ErrorKind::Usage, "--validation " + number_text(flags.validation) +
                                          " is not a share; wanted 0 (none) to below 1, e.g. 0.05");
    }
}

std::int64_t conditional_classes(bool conditional, const std::vector<std::string>& classes) {
    if (!conditional) {
        return 0;
    }
    if (classes.size() < 2) {
        throw Error(ErrorKind::Input,
                    "--conditional found " + std::to_string(classes.size()) +
                        (classes.size() == 1 ? " label" : " labels") +
                        " in the data; put the images into two or more sub-folders named by label, or leave it out");
    }
    return static_cast<std::int64_t>(classes.size());
}

bool time_plans(const TrainFlags& flags) {
    return flags.options.has("time") && !flags.options.has("steps") && !flags.options.has("epochs");
}

std::vector<Followers> train_followers() { return followers_of(train_option_table()); }

TrainOptions train_options(const TrainFlags& flags, const TrainOptions& recipe, const CommonOptions& common,
                           const Runtime& runtime) {
    TrainOptions options = with_given(recipe, train_option_table(), flags.options);
    options.seed = common.runtime.seed;
    options.device = runtime.device;
    if (flags.resume && !flags.options.has("engine") && is_there(std::filesystem::path(common.output) / kOptionsFile)) {
        options.engine = TrainEngine::Libtorch;  // of runs begun before there was another
    }
    validate(options);
    return options;
}

std::filesystem::path options_to_resume(const TrainFlags& flags, const CommonOptions& common,
                                        const std::string& program) {
    std::filesystem::path file = std::filesystem::path(common.output) / kOptionsFile;
    if (!flags.resume || !is_there(file)) {
        return {};
    }
    std::ifstream lines(file);
    std::string headline;
    std::getline(lines, headline);
    require_own(headline, program, common.output);
    return file;
}

}  // namespace reverie
