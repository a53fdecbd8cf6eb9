#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/train/loop.h"

namespace reverie {
namespace {

constexpr double kMost = std::numeric_limits<double>::max();

const Choices<Schedule>& schedules() {
    static const Choices<Schedule> choices = {
        {"constant", Schedule::Constant}, {"cosine", Schedule::Cosine}, {"exponential", Schedule::Exponential}};
    return choices;
}

const Choices<TrainEngine>& engines() {
    static const Choices<TrainEngine> choices = {
        {"auto", TrainEngine::Auto}, {"own", TrainEngine::Own}, {"libtorch", TrainEngine::Libtorch}};
    return choices;
}

/// As "30m"; nothing for no limit.
OptionField<TrainOptions> time_field() {
    OptionField<TrainOptions> field;
    field.set = [](TrainOptions& options, const std::vector<std::string>& texts) {
        return texts.size() == 1 && parse_duration(texts.front(), options.seconds) && options.seconds > 0.0;
    };
    field.texts = [](const TrainOptions& options) {
        return std::vector<std::string>{options.seconds > 0.0 ? number_text(options.seconds) + "s" : ""};
    };
    field.number = [](const TrainOptions& options) { return options.seconds; };
    field.wanted = "a length of time; wanted numbers with s, m, h or d, e.g. 30m or 1h30m";
    return field;
}

template <typename T>
OptionField<TrainOptions> field(T TrainOptions::*member) {
    return option_field<TrainOptions>(member);
}

OptionTable<TrainOptions> make_table() {
    OptionTable<TrainOptions> table = {
        {.name = "steps",
         .heading = "How long",
         .placeholder = "N",
         .help = "stop after so many batches",
         .field = field(&TrainOptions::steps),
         .range = {0.0, kMost, "a positive number"},
         .shapes_result = false,
         .then = [](TrainOptions& now, const TrainOptions& /*before*/,
                    const GivenOptions& /*given*/) { now.epochs = 0.0; },
         .followers = {"epochs"}},
        {.name = "epochs",
         .heading = "How long",
         .placeholder = "N",
         .help = "stop when every image was seen so often",
         .field = field(&TrainOptions::epochs),
         .range = {0.0, kMost, "a positive number"},
         .shapes_result = false,
         .then = [](TrainOptions& now, const TrainOptions& /*before*/,
                    const GivenOptions& given) { now.steps = given.has("steps") ? now.steps : 0; },
         .followers = {"steps"}},
        {.name = "time",
         .heading = "How long",
         .placeholder = "30m",
         .help =
             "plan as many steps as fit into so much time (s, m, h, d); where {--steps}, {--epochs} or the run gone "
             "on with by {--resume} say how many, only stop after it",
         .field = time_field(),
         .range = {0.0, kMost, "seconds, 0 (no limit) or more"},
         .shapes_result = false,
         .from_recipe = false},
        {.name = "batch",
         .heading = "Training",
         .placeholder = "N",
         .help = "images a step",
         .field = field(&TrainOptions::batch),
         .range = {1.0, kMost, "at least 1"}},
        {.name = "schedule",
         .heading = "Training",
         .placeholder = "",
         .help =
             "how the learning rate changes: cosine falls to 0 at the planned end, exponential by {--decay} an epoch",
         .field = option_choice<TrainOptions>(
             [](auto& o) -> auto& { return o.schedule.kind; }, schedules())},
        {.name = "decay",
         .heading = "Training",
         .placeholder = "FACTOR",
         .help = "what the exponential schedule multiplies the learning rate by, every epoch",
         .field = option_field<TrainOptions>([](auto& o) -> auto& { return o.schedule.decay; }),
         .range = {std::numeric_limits<double>::denorm_min(), 1.0, "above 0 and at most 1"}},
        {.name = "warmup",
         .heading = "Training",
         .placeholder = "STEPS",
         .help = "steps over which the learning rate grows from 0",
         .field = option_field<TrainOptions>([](auto& o) -> auto& { return o.schedule.warmup_steps; }),
         .range = {0.0, kMost, "0 or more steps"}},
        {.name = "clip-norm",
         .heading = "Training",
         .placeholder = "NORM",
         .help = "longer gradients are shortened to it; 0: none are",
         .field = field(&TrainOptions::clip_norm),
         .range = {0.0, kMost, "0 (none) or more"}},
        {.name = "ema",
         .heading = "Training",
         .placeholder = "IMAGES",
         .help = "half-life of the running mean of weights that the other commands use; 0: none is kept",
         .field = field(&TrainOptions::average_half_life),
         .range = {0.0, kMost, "0 (no mean) or a half-life in images"}},
        {.name = "engine",
         .heading = "Training",
         .placeholder = "",
         .help =
             "what convolutions run on: own is for CPUs, quicker, and gives the same bits with any number of threads; "
             "auto takes it there",
         .field = option_choice<TrainOptions>(
             [](auto& o) -> auto& { return o.engine; }, engines()),
         .from_recipe = false},
        {.name = "mixed-precision",
         .heading = "Training",
         .placeholder = "",
         .help = "on a GPU: bfloat16 where it is safe, TF32 for the rest",
         .field = field(&TrainOptions::mixed_precision),
         .from_recipe = false},
        {.name = "log-every",
         .heading = "Records",
         .placeholder = "STEPS",
         .help = "steps between lines of metrics.jsonl",
         .field = field(&TrainOptions::log_every),
         .range = {1.0, kMost, "at least 1 step"},
         .shapes_result = false,
         .from_recipe = false},
        {.name = "preview-every",
         .heading = "Records",
         .placeholder = "STEPS",
         .help = "steps between pictures in previews/; 0: none",
         .field = field(&TrainOptions::preview_every),
         .range = {0.0, kMost, "0 (none) or a number of steps"},
         .shapes_result = false,
         .from_recipe = false},
        {.name = "validate-every",
         .heading = "Records",
         .placeholder = "STEPS",
         .help = "steps between measurements on images that are not trained on, or of samples; 0: none",
         .field = field(&TrainOptions::validate_every),
         .range = {0.0, kMost, "0 (none) or a number of steps"},
         .shapes_result = false,
         .from_recipe = false},
        {.name = "checkpoint-minutes",
         .heading = "Records",
         .placeholder = "MIN",
         .help = "minutes between checkpoints, at most",
         .field = field(&TrainOptions::checkpoint_minutes),
         .range = {0.0, kMost, "0 (at every log line) or more"},
         .shapes_result = false,
         .from_recipe = false},
    };
    return table;
}

}  // namespace

const OptionTable<TrainOptions>& train_option_table() {
    static const OptionTable<TrainOptions> table = make_table();
    return table;
}

void validate(const TrainOptions& options) {
    require_in_range(train_option_table(), options);
    if (options.steps == 0 && options.epochs == 0.0) {
        throw Error(ErrorKind::Usage, "neither {--steps} nor {--epochs} says how long to train; give one of them");
    }
    if (options.engine == TrainEngine::Own && !options.device.is_cpu()) {
        throw Error(ErrorKind::Usage,
                    "{--engine} own runs on the CPU alone; leave it out, or train with {--device} cpu");
    }
    if (options.mixed_precision && !options.device.is_cuda()) {
        throw Error(ErrorKind::Usage,
                    "{--mixed-precision} needs a CUDA device: on the CPU it only costs accuracy; leave it out");
    }
}

bool has_own_engine(const TrainOptions& options) {
    return options.device.is_cpu() && options.engine != TrainEngine::Libtorch;
}

std::int64_t planned_steps(const TrainOptions& options, std::int64_t images) {
    if (options.steps > 0) {
        return options.steps;
    }
    const double steps = std::ceil(options.epochs * static_cast<double>(images) / static_cast<double>(options.batch));
    if (constexpr double kMostSteps = 1e15; !(steps <= kMostSteps)) {  // exact in a double, and never reached
        throw Error(ErrorKind::Usage, "{--epochs} " + human_number(options.epochs) + " is out of range; wanted fewer");
    }
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(steps));
}

std::int64_t run_bytes(std::int64_t weight_bytes, const TrainOptions& options, std::int64_t images) {
    // A checkpoint: weights, two moments, mean. At one time: two generations, one under construction.
    const double checkpoints = 3.0 * 4.0 * static_cast<double>(weight_bytes);
    const double exports = 4.0 * static_cast<double>(weight_bytes);  // last, mean, best, one under construction
    const auto steps = static_cast<double>(planned_steps(options, images));
    constexpr double kLineBytes = 2000;      // a log line, in metrics.jsonl, metrics.csv, timing.jsonl and events
    constexpr double kPreviewBytes = 300e3;  // a PNG, as a file, in the events and in the report
    const double lines = kLineBytes * steps / static_cast<double>(options.log_every);
    const double previews =
        options.preview_every > 0 ? kPreviewBytes * (1.0 + steps / static_cast<double>(options.preview_every)) : 0.0;
    return static_cast<std::int64_t>(checkpoints + exports + lines + previews);
}

}  // namespace reverie
