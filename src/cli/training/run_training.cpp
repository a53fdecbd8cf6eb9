#include "reverie/cli/run_training.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/runs/image_list.h"
#include "cli/training/preset_flags.h"
#include "core/json_text.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/data/image_source.h"
#include "reverie/train/step_cost.h"
#include "reverie/train/time_plan.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

TrainingImages open_data(Session& session, const TrainFlags& flags, const DataFlags& data) {
    DataOptions options = data_options(data, session.environment());
    const Hooks hooks = session.hooks();
    const fs::path source = flags.data;
    session.console().begin(source.string());
    TrainingImages all{.source = source, .images = open_dataset(source, options, hooks), .test_source = {}, .test = {}};
    all.test_source = !flags.test.empty() ? fs::path(flags.test) : has_test_part(source) ? source : fs::path();
    if (!all.test_source.empty()) {
        options.size = all.images.size();
        options.channels = all.images.channels();
        options.part = DataPart::Test;
        session.console().begin(all.test_source.string());
        all.test = open_dataset(all.test_source, options, hooks);
    }
    session.console().end();
    return all;
}

/// Which images are learnt from, and which measured on: `measured` are of the test set where there is one.
struct Division {
    std::vector<std::int64_t> train;
    std::vector<std::int64_t> measured;
    bool held_out = false;  ///< `measured` are images of the data that are not trained on
};

Division divided(const TrainingImages& data, const TrainingPlan& plan, const TrainFlags& flags, std::uint64_t seed) {
    if (plan.measured) {
        const Dataset& reals = data.test ? *data.test : data.images;
        constexpr std::uint64_t kSeed = 0;  // the same ones in every run
        return {all_indices(data.images), *plan.measured > 0 ? sample_indices(reals.count(), *plan.measured, kSeed)
                                                             : std::vector<std::int64_t>()};
    }
    if (data.test) {
        return {all_indices(data.images), all_indices(*data.test)};
    }
    Split parts = split(data.images.count(), flags.validation, seed);
    return {std::move(parts.train), std::move(parts.validation), true};
}

void require_same_labels(const TrainingImages& data) {
    if (data.test && data.test->classes() != data.images.classes()) {
        throw Error(ErrorKind::Input, "the labels of '" + data.test_source.string() + "' (" +
                                          join(data.test->classes()) + ") are not those of '" + data.source.string() +
                                          "' (" + join(data.images.classes()) +
                                          "); name its sub-folders alike, or train without --conditional");
    }
}

/// As many steps as fit into --time become the plan, as if --steps had said so.
TimePlan settle_plan(Session& session, const TrainFlags& flags, TrainingPlan& plan, Batches& batches,
                     const OrderedBatches* measured) {
    session.console().begin("");
    const TimePlan fitting = plan_by_time(*plan.task, batches, measured, plan.options, session.hooks());
    session.console().end();
    plan.options.steps = fitting.steps;
    plan.options.epochs = 0.0;
    session.console().info("--time " + flags.options.find("time")->front() + ": " + std::to_string(fitting.steps) +
                           (fitting.steps == 1 ? " step fits" : " steps fit") + ", which the schedules are shaped by");
    return fitting;
}

/// Whether the number of planned steps decides the weights, so that a resume may not change it.
bool steps_decide(const TrainingPlan& plan) { return plan.planned || plan.options.schedule.kind == Schedule::Cosine; }

RunIdentity identity_of(Session& session, const TrainFlags& flags, const DataFlags& data, const TrainingImages& images,
                        const TrainingPlan& plan, const std::string& program) {
    const TrainOptions& options = plan.options;
    RunIdentity identity{.program = program, .options = plan.identity, .free = {}};
    const auto decides = [&](const std::string& name, const std::string& text) {
        identity.options.emplace_back(name, text);
    };
    const auto free = [&](const std::string& name, const std::string& text) {
        if (!text.empty()) {
            identity.free.emplace_back(name, text);
        }
    };
    DataOptions found = data_options(data, session.environment());
    found.size = images.images.size();
    found.channels = images.images.channels();
    add_options(identity.options, data_option_table(), found);
    decides("mirror", value_text(data.mirror));
    decides("digest of the images", images.images.digest());
    if (images.test) {
        decides("digest of the test images", images.test->digest());
    } else if (!plan.measured) {
        decides("validation", number_text(flags.validation));
    }
    add_options(identity.options, train_option_table(), options);
    decides("seed", std::to_string(options.seed));
    decides("device", options.device.is_cpu() ? "cpu" : "cuda");

    TrainOptions one_length = options;
    one_length.epochs = options.steps > 0 ? 0.0 : options.epochs;
    RunOptions lines;
    add_options(lines, train_option_table(), one_length, /*shaping=*/false);
    for (const auto& [name, text] : lines) {
        const bool length = name == "steps" || name == "epochs";
        length&& steps_decide(plan) ? decides(name, text) : free(name, text);
    }
    for (const auto& [name, text] : plan.free) {
        free(name, text);
    }
    free("data", fs::absolute(images.source).string());
    free("test", flags.test.empty() ? "" : fs::absolute(flags.test).string());
    add_options(identity.free, data_option_table(), found, /*shaping=*/false);
    free("threads", std::to_string(session.common().runtime.threads));
    free("ranks", session.ranks().alone() ? "" : std::to_string(session.ranks().count()));
    return identity;
}

/// `planned`: whether the number of steps is known, and not still to be found out by --time.
Settings as_settings(const RunIdentity& identity, bool planned) {
    Settings settings;
    for (const RunOptions* options : {&identity.options, &identity.free}) {
        for (const auto& [name, text] : *options) {
            if (planned || (name != "steps" && name != "epochs")) {
                settings.set(name, text);
            }
        }
    }
    return settings;
}

/// "1200 of 64x64 with 3 channels".
std::string about_images(const Dataset& images) {
    return std::to_string(images.count()) + " of " + text_of(images.size()) + " with " +
           std::to_string(images.channels()) + (images.channels() == 1 ? " channel" : " channels");
}

RunOptions facts_of(Session& session, const TrainingImages& data, const Division& division, const TrainingPlan& plan) {
    RunOptions facts = {{"version", version()},
                        {"machine", describe(session.runtime())},
                        {"data", data.source.string()},
                        {"images", about_images(data.images)}};
    if (!data.images.classes().empty()) {
        facts.emplace_back("labels", std::to_string(data.images.classes().size()));
    }
    if (!division.measured.empty()) {
        facts.emplace_back("measured on", std::to_string(division.measured.size()) + " images of " +
                                              (data.test           ? data.test_source.string()
                                               : division.held_out ? "the data, held out"
                                                                   : "the data, trained on too"));
    }
    if (const std::size_t skipped = data.images.skipped().size(); skipped > 0) {
        facts.emplace_back("left out", std::to_string(skipped) + (skipped == 1 ? " file" : " files"));
    }
    if (const std::int64_t sidecars = data.images.sidecars(); sidecars > 0) {
        facts.emplace_back("beside the images",
                           std::to_string(sidecars) + (sidecars == 1 ? " other file" : " other files"));
    }
    facts.insert(facts.end(), plan.facts.begin(), plan.facts.end());
    return facts;
}

std::int64_t disk_needed(const TrainingPlan& plan, const Batches& batches) {
    std::int64_t bytes = 0;
    for (const auto& [name, tensor] : plan.task->state()) {
        bytes += static_cast<std::int64_t>(tensor.nbytes());
    }
    return run_bytes(bytes, plan.options, batches.count());
}

void describe_plan(Session& session, const TrainingImages& data, RunOptions lines, const TrainingPlan& plan,
                   const std::optional<TimePlan>& by_time, Batches& batches) {
    const std::int64_t steps = planned_steps(plan.options, batches.count());
    const StepCost cost = measure_step(*plan.task, batches, plan.options);
    const std::int64_t tenths = steps * plan.options.batch * 10 / batches.count();
    lines.emplace_back("steps", std::to_string(steps) + " of " + std::to_string(plan.options.batch) + " images (" +
                                    number_text(static_cast<double>(tenths) / 10.0) + " epochs)");
    lines.emplace_back("memory", "about " + human_bytes(static_cast<std::uint64_t>(cost.bytes)));
    lines.emplace_back("disk", "about " + human_bytes(static_cast<std::uint64_t>(disk_needed(plan, batches))));
    const double seconds = by_time ? by_time->spent + by_time->run_seconds : cost.seconds * static_cast<double>(steps);
    lines.emplace_back(
        "time", "about " + human_seconds(seconds) +
                    (by_time                      ? ", by which the steps are planned"
                     : plan.options.seconds > 0.0 ? ", at most " + human_seconds(plan.options.seconds) + " of them now"
                                                  : ""));
    if (session.common().json) {
        Json object;
        object["output"] = session.common().output;
        for (const auto& [name, text] : lines) {
            object[name] = text;
        }
        session.print(json_text(object));
        return;
    }
    session.print(path_word(data.source.string()) + " -> " + path_word(session.common().output));
    for (const auto& [name, text] : lines) {
        session.print("  " + name + ": " + text);
    }
}

void warn_of_skipped(Session& session, const TrainingImages& data, const RunFolder& folder) {
    const auto warn = [&](const std::vector<SkippedFile>& skipped, const std::string& why) {
        if (!skipped.empty()) {
            session.console().warning(left_out_text(skipped) + "; " + why);
        }
    };
    is_news_of(session, data.source);  // what opens them again has nothing to add
    warn(data.images.skipped(), "'" + folder.file(kSkippedFile).string() + "' says why");
    if (data.test && !data.test->skipped().empty()) {
        warn(data.test->skipped(), "the first of the test set: " + data.test->skipped().front().reason);
    }
}

/// So that other commands know classes by name.
void write_labels(const TrainingImages& data, const RunFolder& folder) {
    if (!data.images.classes().empty()) {
        write_file(folder.file(kLabelsFile), json_text(Json(data.images.classes())) + "\n");
    }
}

void report(Session& session, const TrainResult& result) {
    const std::string& output = session.common().output;
    const char* end = result.end == TrainEnd::Finished ? "finished"
                      : result.end == TrainEnd::TimeUp ? "time"
                                                       : "stopped";
    if (session.common().json) {
        Json object = {{"output", output}, {"steps", result.steps}, {"end", end}, {"rollbacks", result.rollbacks}};
        for (const auto& [name, value] : result.last) {
            object[name] = value;
        }
        session.print(json_text(object));
        return;
    }
    std::string sentence = std::to_string(result.steps) + " steps";
    for (const auto& [name, value] : result.last) {
        char text[32];
        std::snprintf(text, sizeof text, "%.4g", value);
        sentence += ", " + name + " " + text;
    }
    session.console().info(sentence);
    session.print(path_word(output));
}

/// What went wrong; where other ranks are gone, with how to go on.
[[noreturn]] void throw_with_way_back(const std::exception_ptr& exception, const std::string& output) {
    try {
        std::rethrow_exception(exception);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Ranks) {
            throw;
        }
        throw Error(ErrorKind::Ranks, std::string(error.sentence()) + "; '" + output +
                                          "' keeps its last checkpoint: start all of them again with --resume");
    }
}

}  // namespace

int run_training(Session& session, const TrainFlags& flags, const DataFlags& data, const TrainingProgram& program) {
    const CommonOptions& common = session.common();
    validate(flags);
    if (common.output.empty() || common.output == "-") {
        throw Error(ErrorKind::Usage, "no run folder is named; pass -o RUN");
    }
    if (!flags.resume && RunFolder::holds_steps(common.output)) {
        throw Error(ErrorKind::Usage, "'" + common.output +
                                          "' holds a run already; go on with it (--resume) or name another folder "
                                          "(-o)");
    }
    if (flags.data.empty()) {
        throw Error(ErrorKind::Usage,
                    "no images are given; name DATA: a folder, a list file, a tar, a zip or IDX files (see --help)");
    }
    if (flags.resume && RunFolder::holds_steps(common.output)) {
        session.fix_sizes();
    }
    session.runtime();
    const Ranks& ranks = session.ranks();
    const TrainingImages images = open_data(session, flags, data);
    TrainingPlan plan = program.prepare(images);
    if (plan.labelled) {
        require_same_labels(images);
    }
    plan.options.ranks = ranks;
    // Asked of all, so that no rank looks when the first one has made the folder already.
    const bool resumes = ranks.any(!options_to_resume(flags, common, program.name).empty());
    const bool by_time = time_plans(flags) && !resumes;
    const auto identity = [&] { return identity_of(session, flags, data, images, plan, program.name); };
    session.save_config(as_settings(identity(), !by_time));
    const Division division = divided(images, plan, flags, common.runtime.seed);
    const RunOptions facts = facts_of(session, images, division, plan);
    Batches batches(images.images, division.train,
                    {.batch = plan.options.batch,
                     .seed = plan.options.seed,
                     .rank = ranks.rank(),
                     .ranks = ranks.count(),
                     .mirror = data.mirror});
    std::optional<OrderedBatches> measured;
    if (!division.measured.empty()) {
        measured.emplace(images.test ? *images.test : images.images, division.measured, plan.options.batch);
    }
    const OrderedBatches* const validation = measured ? &*measured : nullptr;
    std::optional<TimePlan> fitting;
    if (by_time) {
        fitting = settle_plan(session, flags, plan, batches, validation);
    }
    if (common.dry_run) {
        if (resumes) {
            RunFolder::require_resumable(common.output, identity());
        }
        describe_plan(session, images, facts, plan, fitting, batches);
        return 0;
    }

    std::optional<RunFolder> folder;
    if (ranks.first()) {
        folder = resumes ? RunFolder::resume(common.output, identity())
                         : RunFolder::create(common.output, identity(), disk_needed(plan, batches));
    }
    TrainOptions options = plan.options;
    if (fitting) {
        constexpr double kNearlyNothing = 1e-9;  // 0 would be no limit
        options.seconds = std::max(kNearlyNothing, options.seconds - fitting->spent);
    }
    TrainResult result;
    try {
        if (folder) {
            warn_of_skipped(session, images, *folder);
            write_labels(images, *folder);
        }
        session.console().begin("");
        result = train(*plan.task, batches, validation, options, folder ? &*folder : nullptr, facts, session.hooks());
    } catch (...) {
        if (folder) {
            folder->give_up();
        }
        if (RunFolder::holds_steps(common.output)) {
            session.fix_sizes();
        }
        throw_with_way_back(std::current_exception(), common.output);
    }
    session.console().end();
    if (program.trained && folder && result.end != TrainEnd::Cancelled) {
        program.trained();
    }
    report(session, result);
    if (result.end == TrainEnd::Cancelled) {
        throw Error(ErrorKind::Cancelled,
                    "stopped after " + std::to_string(result.steps) + " steps, all of them kept; --resume goes on");
    }
    return 0;
}

}  // namespace reverie
