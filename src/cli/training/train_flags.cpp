#include "reverie/cli/train_flags.h"

#include <charconv>
#include <fstream>
#include <system_error>

#include "reverie/core/files.h"
#include "train/run_options.h"

namespace reverie {

const Choices<Schedule>& schedules() {
    static const Choices<Schedule> choices = {
        {"constant", Schedule::Constant}, {"cosine", Schedule::Cosine}, {"exponential", Schedule::Exponential}};
    return choices;
}

void add_flags(CLI::App& app, TrainFlags& flags, const TrainHelp& help) {
    const TrainOptions& recipe = help.recipe;
    FlagGroup input(app, "Input and output");
    // Also a flag, so that a configuration file can say it.
    input.add("DATA,--data", flags.data, "",
              "images to learn from: a folder (sub-folders are labels), a list file, a tar or zip, IDX files");
    not_configurable(input.add(
        "--resume", flags.resume,
        "go on with the run in -o as if it had never stopped; flags not given are the run's own. Starts it when "
        "nothing is there"));
    input.add("--test", flags.test, "DATA",
              "measure on these images, never trained on; of an IDX folder its t10k-* files are taken by themselves");
    if (help.holds_out) {
        input.add("--validation", flags.validation, "SHARE", "without a test set, measure on this share of the images");
    }

    FlagGroup length(app, "How long");
    length.add("--steps", flags.steps, "N", "stop after so many batches",
               recipe.steps > 0 ? std::to_string(recipe.steps) : "");
    length.add("--epochs", flags.epochs, "N", "stop when every image was seen so often",
               recipe.steps > 0 ? "" : number_text(recipe.epochs));
    length.add("--time", flags.time, "30m",
               "stop after so much time (s, m, h, d), whatever is planned; --resume goes on", "no limit");

    FlagGroup training(app, "Training");
    training.add("--batch", flags.batch, "N", "images a step", std::to_string(recipe.batch));
    training.add("--learning-rate", flags.learning_rate, "RATE", help.whose_rate, number_text(help.learning_rate));
    training.add_choice(
        "--schedule", flags.schedule, schedules(),
        "how the learning rate changes: cosine falls to 0 at the planned end, exponential by --decay an epoch",
        choice_text(schedules(), recipe.schedule.kind));
    training.add("--decay", flags.decay, "FACTOR",
                 "what the exponential schedule multiplies the learning rate by, every epoch",
                 number_text(recipe.schedule.decay));
    training.add("--warmup", flags.warmup, "STEPS", "over which the learning rate grows from 0",
                 std::to_string(recipe.schedule.warmup_steps));
    training.add("--clip-norm", flags.clip, "NORM", "longer gradients are shortened to it; 0: none are",
                 number_text(recipe.clip_norm));
    training.add("--ema", flags.ema, "IMAGES",
                 "half-life of the running mean of weights that the other commands use; 0: none is kept",
                 number_text(recipe.average_half_life));
    training.add("--mixed-precision", flags.mixed_precision, "on a GPU: bfloat16 where it is safe, TF32 for the rest");

    FlagGroup records(app, "Records");
    records.add("--log-every", flags.log_every, "STEPS", "between lines of metrics.jsonl");
    records.add("--preview-every", flags.preview_every, "STEPS", "between pictures in previews/");
    records.add("--validate-every", flags.validate_every, "STEPS", "between " + help.measured);
    records.add("--checkpoint-minutes", flags.checkpoint_minutes, "MIN", "at most so long between checkpoints");
}

void validate(const TrainFlags& flags) {
    const std::int64_t steps = flags.steps.value_or(0);
    const double epochs = flags.epochs.value_or(0.0);
    if (steps > 0 && epochs > 0.0) {
        throw Error(ErrorKind::Usage, "--steps and --epochs both say how long; leave one out");
    }
    if (steps < 0 || (flags.steps && !flags.epochs && steps < 1)) {
        throw Error(ErrorKind::Usage, "--steps " + std::to_string(steps) + " is out of range; wanted 1 or more");
    }
    if (epochs < 0.0 || (flags.epochs && steps == 0 && epochs <= 0.0)) {
        throw Error(ErrorKind::Usage, "--epochs " + number_text(epochs) + " is out of range; wanted more than 0");
    }
    if (!(flags.validation >= 0.0 && flags.validation < 1.0)) {
        throw Error(ErrorKind::Usage, "--validation " + number_text(flags.validation) +
                                          " is not a share; wanted 0 (none) to below 1, e.g. 0.05");
    }
}

double parse_time(const std::string& text) {
    double seconds = 0.0;
    const char* begin = text.data();
    const char* end = begin + text.size();
    bool good = begin != end;
    while (good && begin != end) {
        double number = 0.0;
        const auto result = std::from_chars(begin, end, number, std::chars_format::fixed);
        const std::string unit = result.ptr == end ? "" : std::string(1, *result.ptr);
        const std::size_t which = std::string("smhd").find(unit);
        good = result.ec == std::errc() && number >= 0.0 && !unit.empty() && which != std::string::npos;
        if (good) {
            constexpr double kSeconds[] = {1.0, 60.0, 3600.0, 86400.0};
            seconds += number * kSeconds[which];
            begin = result.ptr + 1;
        }
    }
    if (!good || seconds <= 0.0) {
        throw Error(
            ErrorKind::Usage,
            "--time '" + text + "' is not a length of time; wanted numbers with s, m, h or d, e.g. 30m or 1h30m");
    }
    return seconds;
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

std::vector<Followers> train_followers() { return {{"steps", {"epochs"}}, {"epochs", {"steps"}}}; }

TrainOptions train_options(const TrainFlags& flags, TrainOptions recipe, const CommonOptions& common,
                           const Runtime& runtime) {
    TrainOptions options = std::move(recipe);
    if (flags.steps || flags.epochs) {
        options.steps = flags.steps.value_or(0);
        options.epochs = flags.epochs.value_or(0.0);
    }
    options.seconds = flags.time.empty() ? 0.0 : parse_time(flags.time);
    take(options.batch, flags.batch);
    options.seed = common.runtime.seed;
    take(options.schedule.kind, flags.schedule);
    take(options.schedule.decay, flags.decay);
    take(options.schedule.warmup_steps, flags.warmup);
    take(options.clip_norm, flags.clip);
    take(options.average_half_life, flags.ema);
    options.log_every = flags.log_every;
    options.preview_every = flags.preview_every;
    options.validate_every = flags.validate_every;
    options.checkpoint_minutes = flags.checkpoint_minutes;
    options.mixed_precision = flags.mixed_precision;
    options.device = runtime.device;
    validate(options);
    return options;
}

std::filesystem::path options_to_resume(const TrainFlags& flags, const CommonOptions& common,
                                        const std::string& program) {
    const std::filesystem::path file = std::filesystem::path(common.output) / kOptionsFile;
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
