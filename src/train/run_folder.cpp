#include "reverie/train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/runtime.h"
#include "reverie/core/text.h"
#include "train/run_options.h"
#include "weights/file_lock.h"
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

void require_space(const fs::path& path, std::int64_t bytes_needed) {
    fs::path there = fs::absolute(path);
    while (!is_there(there) && there.has_relative_path()) {
        there = there.parent_path();
    }
    std::error_code error;
    const fs::space_info space = fs::space(there, error);
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

void rename_or_throw(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) {
        throw Error(ErrorKind::Output, "'" + to.string() + "' could not be written (" + error.message() +
                                           "); free space or choose another place with --output");
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
        loaded.state.step = state.at("step");
        loaded.state.rollbacks = state.at("rollbacks");
        loaded.state.metrics_bytes = state.at("metrics_bytes");
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
                const std::string said = error.what();
                fault = fault.empty() ? said.substr(0, said.rfind(';')) : fault;
            }
        }
        if (!fault.empty()) {
            throw Error(ErrorKind::Input, fault + ", and there is no other one to go on from; " + kAdvice);
        }
        return std::nullopt;
    }
};

RunFolder::RunFolder() : state_(std::make_unique<State>()) {}
RunFolder::~RunFolder() = default;
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder& RunFolder::operator=(RunFolder&&) noexcept = default;

const fs::path& RunFolder::path() const { return state_->path; }
const RunIdentity& RunFolder::identity() const { return state_->identity; }

RunFolder RunFolder::create(const fs::path& path, const RunIdentity& identity, std::int64_t bytes_needed) {
    const auto refuse_run = [&path] {
        if (holds_run(path)) {
            throw Error(ErrorKind::Usage,
                        "'" + path.string() + "' holds a run already; go on with it by --resume, or choose another -o");
        }
    };
    refuse_run();
    const std::string options = options_toml(identity);  // what cannot be written is said before anything is there
    require_space(path, bytes_needed);
    std::error_code error;
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
    write_file(folder.file(kOptionsFile), options);
    return folder;
}

RunFolder RunFolder::resume(const fs::path& path, const RunIdentity& identity) {
    if (!holds_run(path)) {
        throw Error(ErrorKind::Usage,
                    "'" + path.string() + "' holds no run to resume; check the path, or leave --resume away");
    }
    RunFolder folder;
    folder.state_->path = path;
    folder.state_->identity = identity;
    folder.state_->lock = lock_of(path);
    std::ifstream file(folder.file(kOptionsFile));
    std::string headline;
    std::getline(file, headline);
    require_own(headline, identity.program, path);
    remove_leftovers(path);
    if (const auto loaded = folder.state_->newest({})) {
        require_own(run_headline(loaded->program), identity.program, path);
        // As the present ones would come back from a file.
        require_same(loaded->options, json_value(json_text(identity.options)).get<RunOptions>(), path);
    }
    write_file(folder.file(kOptionsFile), options_toml(identity));
    return folder;
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
}

std::optional<TrainState> RunFolder::load(const std::function<void(const std::string&)>& warn) const {
    std::optional<Loaded> loaded = state_->newest(warn);
    return loaded ? std::optional(std::move(loaded->state)) : std::nullopt;
}

}  // namespace reverie
