// The one training loop.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/data/batches.h"
#include "reverie/distributed/ranks.h"
#include "reverie/train/run_folder.h"
#include "reverie/train/task.h"

namespace reverie {

/// What the convolutions of a step run on.
enum class TrainEngine {
    Auto,     ///< own on the CPU, else libtorch
    Own,      ///< kernels of our own, on the CPU alone: quicker, and the same bits with any number of threads
    Libtorch  ///< for comparison, and for emergencies
};

struct TrainOptions {
    std::int64_t steps = 0;  ///< planned steps: the schedule's length (0: from epochs)
    double epochs = 0.0;     ///< used when steps is 0
    double seconds = 0.0;    ///< stop after so much time in this process, but not before a step; shapes no schedule,
                             ///< except through plan_by_time (train/time_plan.h). 0: no limit
    std::int64_t batch = 64;
    std::uint64_t seed = 0;
    ScheduleOptions schedule;
    double clip_norm = 0.0;              ///< gradients of a phase together are held to this norm; 0: no
    double average_half_life = 0.0;      ///< images after which a weight counts half in the running mean; 0: no mean
    std::int64_t log_every = 50;         ///< steps from one log line to the next, which holds the means over them
    std::int64_t preview_every = 1000;   ///< steps; 0: none
    std::int64_t validate_every = 1000;  ///< steps; 0: none
    double checkpoint_minutes = 5.0;     ///< a log line, validation or preview so long after the last checkpoint writes
                                         ///< the next; one is also written at the beginning and at the end
    TrainEngine engine = TrainEngine::Auto;
    bool mixed_precision = false;  ///< bfloat16 autocast and TF32 on CUDA; refused on the CPU
    c10::Device device = c10::Device(c10::kCPU);
    Ranks ranks = {};  ///< who shares the work: each step's images are divided among them (BatchOptions::rank), and the
                       ///< run has the bits that this many ranks give it
};

/// The options of a training that people are to choose, each declared once.
const OptionTable<TrainOptions>& train_option_table();

/// Throws Usage, naming the option.
void validate(const TrainOptions& options);

/// Whether the run's convolutions are our own.
bool has_own_engine(const TrainOptions& options);

/// steps, or what epochs mean for that many images.
std::int64_t planned_steps(const TrainOptions& options, std::int64_t images);

/// About what a run with so many bytes of weights takes on the disk: for RunFolder::create.
std::int64_t run_bytes(std::int64_t weight_bytes, const TrainOptions& options, std::int64_t images);

enum class TrainEnd { Finished, TimeUp, Cancelled };

struct TrainResult {
    std::int64_t steps = 0;  ///< done over all processes of the run
    TrainEnd end = TrainEnd::Finished;
    std::int64_t rollbacks = 0;
    Scalars last;  ///< the last validation, or the last logged losses
};

/// Trains until the planned steps are done, the time is up or the user stops: then a checkpoint, exported weights
/// (kWeightsFile: task.state(); kAverageFile: the mean of task.averaged(), when there is one; kBestFile: averaged() of
/// the best validation, as means when there are), metrics.csv, curves.png and the report are there; all of them but the
/// best are also written with the checkpoints on the way, at most once a minute. Goes on from the folder's checkpoint
/// when it has one; what was recorded behind it is cut away and comes again, to the bit.
///
/// Records go to metrics.jsonl and TensorBoard (`events/`): "loss", the task's own names, "gradient_norm" (before
/// clipping) and "learning_rate", each behind "<phase>/" when there are several phases, and what the task's validate()
/// says as "validation/...", with the mean weights in place when there are. Previews too show these. Clock times go to
/// timing.jsonl, unusable files of the dataset to skipped.json.
///
/// Whether losses and gradients were numbers is looked at when something is logged, validated or shown. If not, the run
/// goes back to the state at the last such step, with a changed seed for noise and half the learning rate from there on
/// (both in the checkpoint), three times; the fourth time throws Input with what to try, everything up to the last good
/// state saved. `validation` may be null. `facts` are rows for the report.
///
/// With several ranks every one calls it; the first has the folder, and the others have none (null). They begin with
/// the first one's state, so a run may go on with other ranks than it had: no image of an epoch is lost or comes twice.
TrainResult train(TrainTask& task, Batches& batches, const OrderedBatches* validation, const TrainOptions& options,
                  RunFolder* folder, const RunOptions& facts, const Hooks& hooks);

/// Exported weights: `tensors` under their names with `metadata` as safetensors. Throws Output.
void export_weights(const std::filesystem::path& path, const NamedTensors& tensors,
                    const std::map<std::string, std::string>& metadata);

}  // namespace reverie
