// A training from flags to a finished run folder: the same for every program that trains.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "reverie/cli/app.h"
#include "reverie/cli/data_flags.h"
#include "reverie/cli/train_flags.h"
#include "reverie/train/loop.h"
#include "reverie/train/run_folder.h"
#include "reverie/train/task.h"

namespace reverie {

/// In a run folder: the names of the labels, a JSON list.
inline constexpr const char* kLabelsFile = "labels.json";

/// The images of a training.
struct TrainingImages {
    std::filesystem::path source;
    Dataset images;
    std::filesystem::path test_source;  ///< empty: no test set
    std::optional<Dataset> test;
};

/// What a program makes of its flags once the images are known.
struct TrainingPlan {
    TrainOptions options;
    RunOptions identity;    ///< the program's own options that decide the weights, by flag names
    RunOptions free;        ///< its own options that a resume may change
    RunOptions facts;       ///< rows for the report and --dry-run: "parameters", ...
    bool planned = false;   ///< the number of planned steps decides the weights, also where the schedule does not
    bool labelled = false;  ///< labels matter: a test set must have the same ones
    /// On how many images it is measured at most: of the test set or, without one, of the images trained on, chosen
    /// once for ever; 0: it is not. Empty: on all of the test set or on the share that --validation holds out.
    std::optional<std::int64_t> measured;
    std::unique_ptr<TrainTask> task;
};

struct TrainingProgram {
    std::string name;  ///< "vae": whose run it is
    std::function<TrainingPlan(const TrainingImages& data)> prepare;
    /// May be empty: what is still to be done in the folder of a run that was not stopped by the user.
    std::function<void()> trained = {};
};

/// Opens the images, plans by --time where that is to decide, makes the run folder (or goes on with it), writes
/// labels.json, trains and prints the folder as the last line; with --dry-run says what it would do, from what it
/// measured. Returns 0; throws Cancelled when stopped by the user, after everything was saved and the folder was
/// printed; and what the parts throw.
int run_training(Session& session, const TrainFlags& flags, const DataFlags& data, const TrainingProgram& program);

}  // namespace reverie
