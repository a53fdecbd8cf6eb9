// The flags of every training.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/train/loop.h"

namespace reverie {

/// What was given on the command line; the rest comes from a recipe.
struct TrainFlags {
    std::string data;
    std::optional<std::int64_t> steps;
    std::optional<double> epochs;
    std::string time;  ///< "30m"; empty: no limit
    std::optional<std::int64_t> batch;
    std::optional<double> learning_rate;
    std::optional<Schedule> schedule;
    std::optional<double> decay;
    std::optional<std::int64_t> warmup;
    std::optional<double> clip;
    std::optional<double> ema;  ///< half-life in images
    bool mixed_precision = false;
    std::string test;
    double validation = 0.05;
    std::int64_t log_every = 50;
    std::int64_t preview_every = 1000;
    std::int64_t validate_every = 1000;
    double checkpoint_minutes = 5.0;
    bool resume = false;
};

/// What the help says where programs differ.
struct TrainHelp {
    TrainOptions recipe;         ///< the values shown as defaults
    double learning_rate = 0.0;  ///< the same
    std::string whose_rate = "of the optimiser";
    std::string measured = "measurements on images never trained on";
    bool holds_out = true;  ///< whether --validation is there, for a share of the images that is not trained on
};
void add_flags(CLI::App& app, TrainFlags& flags, const TrainHelp& help);

/// Throws Usage for flags that exclude each other or are out of range.
void validate(const TrainFlags& flags);

/// "90s", "30m", "1h30m", "2d" -> seconds. Throws Usage, naming --time.
double parse_time(const std::string& text);

/// The recipe with what was given put over it, checked. Throws Usage.
TrainOptions train_options(const TrainFlags& flags, TrainOptions recipe, const CommonOptions& common,
                           const Runtime& runtime);

/// How many labels a net is trained with: those of the data with --conditional, else 0. Throws Input when they are
/// fewer than two.
std::int64_t conditional_classes(bool conditional, const std::vector<std::string>& classes);

/// Of --steps and --epochs the one given replaces both of an earlier run, which has the other one as 0.
std::vector<Followers> train_followers();

/// The words of --schedule.
const Choices<Schedule>& schedules();

/// Where an earlier run of `program` keeps its options, when --resume was given and there is one; empty otherwise.
/// Throws Input for a run of another program.
std::filesystem::path options_to_resume(const TrainFlags& flags, const CommonOptions& common,
                                        const std::string& program);

}  // namespace reverie
