#include "reverie/train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <vector>

#include "core/file_lock.h"
#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/runtime.h"
#include "reverie/core/text.h"
#include "train/run_options.h"
#include "weights/sealed_file.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "reverie run 1";
constexpr const char* kNewest = kCheckpointFile;
constexpr const char* kPrevious = kPreviousCheckpointFile;
constexpr const char* kNext = ".checkpoint-next.safetensors";
constexpr const char* kLock = ".lock";
constexpr const char* kAdvice = "start another run with another -o";

bool holds_run(const fs::path& folder) {
    return is_there(folder / kOptionsFile) || is_there(folder / kNewest) || is_there(folder / kPrevious);
}

void require_run(const fs::path& folder) {
    if (!holds_run(folder)) {
        throw Error(ErrorKind::Usage,
                    "'" + folder.string() + "' holds no run to resume; check the path, or leave {--resume} out");
    }
}

void require_space(const fs::path& path, std::int64_t bytes_needed) {
    fs::path existing = fs::absolute(path);
    while (!is_there(existing) && existing.has_relative_path()) {
        existing = existing.parent_path();
    }
    std::error_code error;
    const fs::space_info space = fs::space(existing, error);
    if (!error && bytes_needed > 0 && space.available < static_cast<std::uintmax_t>(bytes_needed)) {
        throw Error(ErrorKind::Output, "the run in '" + path.string() + "' takes about " +
                                           human_bytes(static_cast<std::uint64_t>(bytes_needed)) +
                                           ", and its disk has " + human_bytes(space.available) +
                                           " free; free space or choose another -o");
    }
}

std::unique_ptr<FileLock> lock_of(const fs::path& folder) {
    return std::make_unique<FileLock>(folder / kLock, [&folder] {
        throw Error(ErrorKind::Usage,
                    "another program is working in '" + folder.string() + "'; wait for its end or choose another -o");
    });
}

/// What a killed program was writing.
void remove_leftovers(const fs::path& folder) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".") && (name.ends_with(".partial") || name == kNext)) {
            fs::remove(entry.path(), ignored);
        }
    }
}

/// Lines written before a checkpoint must outlive a power cut if it does.
void flush_to_disk(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        ::fsync(descriptor);
        ::close(descriptor);
    }
}

/// All that a run may have written by its first step.
constexpr const char* kFirstFiles[] = {kOptionsFile,  kNewest,       kNext,         kMetricsFile,
                                       kTimingFile,   kMetricsTable, kSkippedFile,  kReportFile,
                                       "labels.json", "events",      kPreviewFolder};

void remove_first_files(const fs::path& folder, const std::set<std::string>& kept) {
    remove_leftovers(folder);
    std::error_code ignored;
    for (const char* name : kFirstFiles) {
        if (!kept.contains(name)) {
            fs::remove_all(folder / name, ignored);
        }
    }
}

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

/// The folders that have to be made for `path`, innermost first.
std::vector<fs::path> missing_folders(const fs::path& path) {
    std::vector<fs::path> missing;
    for (fs::path folder = fs::absolute(path); !is_there(folder) && folder.has_relative_path();
         folder = folder.parent_path()) {
        missing.push_back(folder);
    }
    return missing;
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) {
        throw Error(ErrorKind::Output, "'" + to.string() + "' could not be written (" + error.message() +
                                           "); free space or choose another place");
    }
}

struct Loaded {
    TrainState state;
    std::string program;
    RunOptions options;
};

Loaded loaded_from(const fs::path& path) {
    SealedFile file = read_sealed(path, kFormat, kAdvice);
    try {
        Loaded loaded;
        loaded.program = file.notes["program"];
        loaded.options = json_value(file.notes["options"]).get<RunOptions>();
        const nlohmann::json state = nlohmann::json::parse(file.notes["state"]);
        loaded.state.step = whole_number_of(state.at("step"));
        loaded.state.rollbacks = whole_number_of(state.at("rollbacks"));
        loaded.state.metrics_bytes = whole_number_of(state.at("metrics_bytes"));
        if (!state.at("best").is_null()) {
            loaded.state.best = state.at("best").get<double>();
        }
        loaded.state.tensors = std::move(file.tensors);
        return loaded;
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorKind::Input,
                    "the checkpoint '" + path.string() + "' is damaged (its notes are not understood); " + kAdvice);
    }
}

}  // namespace

struct RunFolder::State {
    fs::path path;
    RunIdentity identity;
    std::unique_ptr<FileLock> lock;
    bool newest_damaged = false;  ///< then it must not push the older one out
    bool begun_here = false;
    std::int64_t saved_step = 0;
    std::vector<fs::path> made;   ///< folders, innermost first
    std::set<std::string> found;  ///< names that were in the folder before

    /// The newest whole checkpoint. Throws Input when there are only damaged ones.
    std::optional<Loaded> newest(const std::function<void(const std::string&)>& warn) {
        std::string fault;
        for (const char* name : {kNewest, kPrevious}) {
            if (!is_there(path / name)) {
                continue;
            }
            try {
                Loaded loaded = loaded_from(path / name);
                if (!fault.empty() && warn) {
                    warn(fault + "; going on from the one before, of step " + std::to_string(loaded.state.step));
                }
                return loaded;
            } catch (const Error& error) {
                if (error.kind() != ErrorKind::Input) {
                    throw;
                }
                newest_damaged = newest_damaged || name == kNewest;
                const std::string said = error.sentence();
                fault = fault.empty() ? said.substr(0, said.rfind(';')) : fault;
            }
        }
        if (!fault.empty()) {
            throw Error(ErrorKind::Input, fault + ", and there is no other to go on from; " + kAdvice);
        }
        return std::nullopt;
    }

    /// That the folder holds a run which `identity` goes on with.
    void require_same_run() {
        require_run(path);
        std::ifstream file(path / kOptionsFile);
        std::string headline;
        std::getline(file, headline);
        require_own(headline, identity.program, path);
        if (const auto loaded = newest({})) {
            require_own(run_headline(loaded->program), identity.program, path);
            // As the present ones would come back from a file.
            require_same(
                with_later_options(loaded->options, identity.program),
                with_later_options(json_value(json_text(identity.options)).get<RunOptions>(), identity.program), path);
        }
    }
};

RunFolder::RunFolder() : state_(std::make_unique<State>()) {}
RunFolder::~RunFolder() = default;
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder& RunFolder::operator=(RunFolder&&) noexcept = default;

const fs::path& RunFolder::path() const { return state_->path; }
const RunIdentity& RunFolder::identity() const { return state_->identity; }

bool RunFolder::holds_steps(const fs::path& path) {
    if (!holds_run(path)) {
        return false;
    }
    std::error_code error;
    const auto has_bytes = [&](const char* name) {
        const std::uintmax_t bytes = fs::file_size(path / name, error);
        return !error && bytes > 0;
    };
    for (const char* name : {kPrevious, kMetricsFile, kWeightsFile, kAverageFile, kBestFile}) {
        if (has_bytes(name)) {
            return true;
        }
    }
    if (!is_there(path / kNewest)) {
        std::ifstream file(path / kOptionsFile);
        std::string headline;
        std::getline(file, headline);
        return headline.find(", run format ") == std::string::npos;  // not one of ours, then
    }
    try {
        return loaded_from(path / kNewest).state.step > 0;
    } catch (const Error&) {
        return true;  // damaged: not ours to judge
    }
}

RunFolder RunFolder::create(const fs::path& path, const RunIdentity& identity, std::int64_t bytes_needed) {
    const auto refuse_run = [&path] {
        if (holds_steps(path)) {
            throw Error(
                ErrorKind::Usage,
                "'" + path.string() + "' holds a run already; go on with it by {--resume}, or choose another -o");
        }
    };
    refuse_run();
    const std::string options = options_toml(identity);  // what cannot be written is said before anything is there
    require_space(path, bytes_needed);
    std::error_code error;
    std::vector<fs::path> made = missing_folders(path);
    fs::create_directories(path, error);
    if (error || !fs::is_directory(path)) {
        throw Error(ErrorKind::Output, "the folder '" + path.string() + "' cannot be made (" +
                                           (error ? error.message() : "a file has that name") + "); choose another -o");
    }
    RunFolder folder;
    folder.state_->path = path;
    folder.state_->identity = identity;
    folder.state_->lock = lock_of(path);
    refuse_run();  // another program may just have made one
    if (holds_run(path)) {
        remove_first_files(path, {});  // of a run that was killed before its first step
    }
    folder.state_->begun_here = true;
    folder.state_->made = std::move(made);
    folder.state_->found = names_in(path);
    write_file(folder.file(kOptionsFile), options);
    return folder;
}

void RunFolder::require_resumable(const fs::path& path, const RunIdentity& identity) {
    RunFolder folder;
    folder.state_->path = path;
    folder.state_->identity = identity;
    folder.state_->require_same_run();
}

RunFolder RunFolder::resume(const fs::path& path, const RunIdentity& identity) {
    require_run(path);
    RunFolder folder;
    folder.state_->path = path;
    folder.state_->identity = identity;
    folder.state_->lock = lock_of(path);
    folder.state_->require_same_run();
    remove_leftovers(path);
    write_file(folder.file(kOptionsFile), options_toml(identity));
    return folder;
}

void RunFolder::give_up() {
    State& state = *state_;
    std::error_code ignored;
    const std::uintmax_t recorded = fs::file_size(file(kMetricsFile), ignored);
    if (!state.begun_here || state.saved_step > 0 || (!ignored && recorded > 0)) {
        return;
    }
    remove_first_files(state.path, state.found);
    state.lock.reset();
    for (const fs::path& made : state.made) {
        fs::remove(made, ignored);  // only when nothing else is in it
    }
}

void RunFolder::save(const TrainState& state) {
    const nlohmann::ordered_json notes = {
        {"step", state.step},
        {"rollbacks", state.rollbacks},
        {"best", state.best ? nlohmann::ordered_json(*state.best) : nlohmann::ordered_json()},
        {"metrics_bytes", state.metrics_bytes}};
    flush_to_disk(file(kMetricsFile));
    write_sealed(file(kNext), {state.tensors,
                               {{"format", kFormat},
                                {"program", state_->identity.program},
                                {"version", version()},
                                {"options", json_text(state_->identity.options)},
                                {"state", json_text(notes)}}});
    if (!state_->newest_damaged && is_there(file(kNewest))) {
        rename_or_throw(file(kNewest), file(kPrevious));
    }
    rename_or_throw(file(kNext), file(kNewest));
    state_->newest_damaged = false;
    state_->saved_step = state.step;
}

std::optional<TrainState> RunFolder::load(const std::function<void(const std::string&)>& warn) const {
    std::optional<Loaded> loaded = state_->newest(warn);
    return loaded ? std::optional(std::move(loaded->state)) : std::nullopt;
}

}  // namespace reverie
