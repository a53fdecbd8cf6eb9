// The flags of every training.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "reverie/cli/app.h"
#include "reverie/cli/flags.h"
#include "reverie/core/option_table.h"
#include "reverie/train/loop.h"

namespace reverie {

/// What was given on the command line.
struct TrainFlags {
    GivenOptions options;  ///< what a recipe leaves to flags: see train_option_table
    std::string data;
    std::string test;
    double validation = 0.05;
    bool resume = false;
};

/// `recipe`: whose values the help shows as defaults. `holds_out`: whether --validation is there, for a share of the
/// images that is not trained on. `data`: what the images to learn from are given by.
void add_flags(CLI::App& app, TrainFlags& flags, const TrainOptions& recipe, bool holds_out = true,
               const std::string& data = "DATA,--data");

/// Throws Usage for flags that exclude each other or are out of range.
void validate(const TrainFlags& flags);

/// Whether --time is to decide how many steps are planned, as it does where nothing else that was given says so.
bool time_plans(const TrainFlags& flags);

/// The recipe with what was given put over it, checked. Throws Usage.
TrainOptions train_options(const TrainFlags& flags, const TrainOptions& recipe, const CommonOptions& common,
                           const Runtime& runtime);

/// How many labels a net is trained with: those of the data with --conditional, else 0. Throws Input when they are
/// fewer than two.
std::int64_t conditional_classes(bool conditional, const std::vector<std::string>& classes);

/// Of --steps and --epochs the one given replaces both of an earlier run, which has the other one as 0.
std::vector<Followers> train_followers();

/// Where an earlier run of `program` keeps its options, when --resume was given and there is one; empty otherwise.
/// Throws Input for a run of another program.
std::filesystem::path options_to_resume(const TrainFlags& flags, const CommonOptions& common,
                                        const std::string& program);

}  // namespace reverie
