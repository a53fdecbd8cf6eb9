#include "reverie/cli/app.h"

#include <c10/util/Exception.h>
#include <sys/stat.h>
#include <torch/version.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>

#include "cli/frame/help.h"
#include "cli/frame/libtorch_warnings.h"
#include "cli/frame/process.h"
#include "cli/frame/signals.h"
#include "core/machine.h"
#include "core/write_all.h"
#include "reverie/cli/batch.h"
#include "reverie/core/text.h"
#include "reverie/image/picture.h"

namespace reverie {
namespace {

/// A complaint of CLI11 as one of our sentences. Values are judged by our own flags, so what is left is about the shape
/// of the command line.
Error as_usage(const CLI::App& app, const CLI::ParseError& error) {
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && app.remaining_size() > 0) {
        const std::string word = app.remaining().front();
        const std::string flag = word.substr(0, word.find('='));
        std::vector<std::string> flags;
        for (const CLI::Option* option : app.get_options()) {
            for (const std::string& name : option->get_lnames()) {
                flags.push_back("--" + name);
            }
        }
        return {ErrorKind::Usage,
                "there is no flag '" + flag + "'" + did_you_mean(flag, flags) + " (see " + app.get_name() + " --help)"};
    }
    return {ErrorKind::Usage, std::string(error.what()) + " (see " + app.get_name() + " --help)"};
}

/// What --from's picture says. Throws Input when it was made by another program.
Settings read_from(const CLI::App& app, const std::filesystem::path& path, Console& console) {
    Settings settings = settings_of(read_picture(path).text, path.string());
    if (const std::string maker = settings.value("program"); maker != app.get_name()) {
        throw Error(ErrorKind::Input,
                    "'" + path.string() + "' was made by " + (maker.empty() ? "nobody known" : maker) +
                        ", whose settings mean nothing here; run that program, or give the flags " + "by hand");
    }
    if (const std::string made = settings.value("version"); made != version()) {
        console.warning("'" + path.string() + "' was made by version " + made + ", this is " + version() +
                        ": the picture may come out differently");
    }
    return settings;
}

/// Fills in what the command line left open: from a picture first, from a configuration file then, and last from what
/// the program goes on with.
Settings fill_in_layers(CLI::App& app, const Program& program, const CommonOptions& common, Console& console) {
    const std::vector<Followers> followers = program.followers();
    Settings from;
    const CLI::Option* option = app.get_option_no_throw("--from");
    if (option != nullptr && option->count() > 0) {
        const std::string path = option->results().front();
        from = read_from(app, path, console);
        fill_in(app, without_stale(flags_of(from), app, followers), path, [&](const std::string& name) {
            console.warning("'" + path + "' was made with '" + name + "', which this version does not know");
        });
    }
    if (!common.config.empty()) {
        const Settings config = without_stale(read_config(common.config), app, followers);
        fill_in(app, config, common.config.string(), [&](const std::string& name) {
            throw Error(ErrorKind::Usage, "'" + common.config.string() + "' sets '" + name +
                                              "', which no configuration file can" +
                                              did_you_mean(name, configurable_flags(app)));
        });
    }
    if (const std::filesystem::path earlier = program.goes_on_with(common); !earlier.empty()) {
        fill_in(app, without_stale(read_config(earlier), app, followers), earlier.string(), [](const std::string&) {});
    }
    return from;
}

int run_checked(int argc, char** argv, Program& program, const Environment& environment, Console& console) {
    CommonOptions common;
    CLI::App app(program.description(), program.name());
    app.footer(program.examples());
    if (const std::string output = program.output_help(); !output.empty()) {
        add_output_flags(app, common, output, program.replaces_outputs());
    }
    program.add_flags(app);
    add_running_flags(app, common, program.may_use_tf32());
    if (program.may_share()) {
        add_rank_flags(app, common);
    }
    // Plain flags instead of CLI11's own, which would print and win only after every other flag was judged.
    bool help = false;
    bool show_version = false;
    app.set_help_flag();
    app.add_flag("--version", show_version, "say the version, and stop")->group("Messages")->configurable(false);
    app.add_flag("-h,--help", help, "show this, and stop")->group("Messages")->configurable(false);
    for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
        const std::string word = argv[i];
        if (word == "-h" || word == "--help") {
            write_standard_output(help_text(app, terminal_columns(environment, STDOUT_FILENO)));
            return 0;
        }
        if (word == "--version") {
            write_standard_output(version_line(program.name()));
            return 0;
        }
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        throw as_usage(app, error);
    }
    console.configure({.quiet = common.quiet, .verbose = common.verbose, .progress = common.progress});
    Settings from = fill_in_layers(app, program, common, console);
    validate(common);
    console.configure({.quiet = common.quiet, .verbose = common.verbose, .progress = common.progress});

    const CancelToken& cancel = install_signal_handlers();
    set_stop_notice(console.stop_notice());
    Session session(app, common, environment, console, cancel, std::move(from));
    try {
        const int code = program.run(session);
        session.finish();
        return code;
    } catch (const OutputClosed&) {
        if (cancel.requested()) {
            throw Error(ErrorKind::Cancelled, "stopped");  // with the terminal its reader went too
        }
        throw;
    } catch (...) {
        throw session.as_error(std::current_exception());
    }
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool tells_of_memory(const std::string& what) {
    // The last two are OpenCV's and oneDNN's, which finds no memory for the code it makes.
    for (const char* words : {"out of memory", "not enough memory", "can't allocate memory", "Cannot allocate memory",
                              "Insufficient memory", "could not create a primitive"}) {
        if (what.find(words) != std::string::npos) {
            return true;
        }
    }
    return false;
}

/// What LibTorch says of an allocation that failed, for people: its own sentence on a GPU, the size alone on the CPU.
std::string allocation_of(const std::string& what) {
    const std::string before = "you tried to allocate ";
    const std::size_t at = what.find(before);
    std::uint64_t bytes = 0;
    if (at != std::string::npos &&
        std::from_chars(what.data() + at + before.size(), what.data() + what.size(), bytes).ec == std::errc()) {
        return " (" + human_bytes(bytes) + " more were asked for at once)";
    }
    return " (" + first_line(what) + ")";
}

Error out_of_memory(const std::string& details, const std::string& advice) {
    return {ErrorKind::Device, "memory ran out" + details + "; " + advice};
}

/// Which flags of a program make its work smaller. `fixed`: the output was begun with them and keeps them.
std::string memory_advice(const CLI::App& app, bool fixed) {
    std::vector<std::string> flags;
    for (const char* flag : {"--batch", "--size", "--max-memory", "--jobs"}) {
        if (app.get_option_no_throw(flag) != nullptr) {
            flags.emplace_back(flag);
        }
    }
    std::string more = way_to_more_memory();
    if (flags.empty()) {
        return more;
    }
    const std::string named = join(flags, ", ", " or ");
    return fixed ? more + ", or begin anew with a smaller " + named + " and another -o, since this run goes on only " +
                       "with what it was begun with"
                 : "choose a smaller " + named + ", or " + more;
}

Error internal(const std::string& what) {
    return {ErrorKind::Internal, "internal error: " + what + "; this is a fault in Reverie, please report it"};
}

/// A terminal that was closed is a device whose every use is an input/output error.
bool is_device(int descriptor) {
    struct stat status {};
    return ::fstat(descriptor, &status) == 0 && S_ISCHR(status.st_mode);
}

}  // namespace

std::string version_line(const std::string& program) {
    const std::vector<std::string> known = rank_transports();
    return program + " " + version() + " (LibTorch " + TORCH_VERSION +
           (known.empty() ? "" : "; ranks over " + join(known, ", ", " and ")) + ")";
}

void write_standard_output(const std::string& line) {
    // Not std::cout: what could not be written must be known here, not at exit.
    const std::string text = line + "\n";
    const int fault = write_all(STDOUT_FILENO, std::as_bytes(std::span(text.data(), text.size())));
    if (fault == EPIPE || (fault == EIO && is_device(STDOUT_FILENO))) {
        throw OutputClosed();
    }
    if (fault != 0) {
        throw Error(ErrorKind::Output, std::string("standard output could not be written (") + std::strerror(fault) +
                                           "); keep its reader open or free space");
    }
}

const std::string& Session::program() const { return app_.get_name(); }

const Runtime& Session::runtime() {
    if (!runtime_) {
        if (common_.runtime.deterministic) {
            // cuBLAS sums in one order only with workspaces of its own for each stream, and asks for it here when it
            // starts. What the user has set stays.
            setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*replace=*/0);
        }
        RuntimeOptions options = common_.runtime;
        if (options.threads == 0) {
            options.threads = environment_.threads;
        }
        if (shares_work() && options.device != "cpu" && options.device.find(':') == std::string::npos) {
            // A GPU for each rank of this machine, where GPUs can talk.
            const std::vector<std::string> known = rank_transports();
            const bool gpus = options.device == "cuda" ||
                              (std::ranges::find(known, "nccl") != known.end() && cuda_unavailable_reason().empty());
            options.device = gpus ? "cuda:" + std::to_string(environment_.local_rank) : "cpu";
        }
        runtime_ = setup_runtime(options);
        if (!runtime_->note.empty()) {
            console_.warning(runtime_->note);
        }
        console_.debug("runs on " + describe(*runtime_));
    }
    return *runtime_;
}

bool Session::shares_work() const {
    return common_.distributed == Distributed::Mpi || common_.distributed == Distributed::Nccl ||
           (common_.distributed == Distributed::Auto && app_.get_option_no_throw("--distributed") != nullptr &&
            environment_.rank && environment_.rank->count > 1);
}

const Ranks& Session::ranks() {
    if (!ranks_) {
        if (!shares_work()) {
            return ranks_.emplace();
        }
        const bool nccl = common_.distributed == Distributed::Nccl ||
                          (common_.distributed == Distributed::Auto && runtime().device.is_cuda());
        if (!nccl && !environment_.master_address.empty()) {
            throw Error(ErrorKind::Device,
                        "torchrun's ranks talk over NCCL, on GPUs; start ranks on CPUs by mpirun or srun, or pass "
                        "--distributed off");
        }
        const Place place = environment_.rank.value_or(Place());
        ranks_ = Ranks::join({.transport = nccl ? RankTransport::Nccl : RankTransport::Mpi,
                              .timeout = common_.timeout,
                              .device = runtime().device,
                              .address = environment_.master_address,
                              .port = environment_.master_port,
                              .store_is_there = environment_.agent_store,
                              .rank = static_cast<int>(place.index),
                              .count = static_cast<int>(place.count)});
        if (environment_.rank && ranks_->count() != environment_.rank->count) {
            throw Error(ErrorKind::Device,
                        "$" + environment_.rank->told_by + " speaks of " + std::to_string(environment_.rank->count) +
                            " ranks and MPI finds " + std::to_string(ranks_->count()) +
                            ": the launcher is of another MPI than this build; start it by that one's mpirun (Open "
                            "MPI), or pass --distributed off");
        }
        console_.configure({.quiet = common_.quiet,
                            .verbose = common_.verbose,
                            .progress = common_.progress,
                            .errors_only = !ranks_->first()});
    }
    return *ranks_;
}

void Session::finish() {
    if (ranks_) {
        ranks_->finish();
    }
}

Hooks Session::hooks() {
    Hooks hooks;
    hooks.on_progress = [this](const Progress& progress) { console_.progress(progress); };
    hooks.on_warning = [this](const std::string& sentence) { console_.warning(sentence); };
    hooks.cancel = &cancel_;
    return hooks;
}

void Session::print(const std::string& line) {
    if (ranks_ && !ranks_->first()) {
        return;
    }
    console_.end();
    const std::lock_guard lock(printing_);
    write_standard_output(line);
}

bool Session::is_news(const std::string& what) { return said_.insert(what).second; }

bool Session::given(const std::string& flag) const {
    const CLI::Option* option = app_.get_option_no_throw("--" + flag);
    if (option == nullptr || option->count() == 0) {
        return false;
    }
    const std::vector<Setting>& theirs = from_.all();
    return std::none_of(theirs.begin(), theirs.end(), [&](const Setting& setting) {
        return setting.name == flag && setting.values == option->results();
    });
}

void Session::save_config(const Settings& resolved) const {
    const std::filesystem::path& path = common_.save_config;
    if (path.empty() || (ranks_ && !ranks_->first())) {
        return;
    }
    refuse_existing(path, "--save-config", common_.overwrite);
    write_config(path, app_, flags_of(resolved));
    console_.info("wrote the flags in effect to '" + path.string() + "'");
}

Error Session::as_error(const std::exception_ptr& exception) const {
    return reverie::as_error(exception, memory_advice(app_, sizes_are_fixed_));
}

OutputClosed::OutputClosed()
    : Error(ErrorKind::Output,
            "standard output could not be written, because nobody reads it any more; keep its reader open, or send it "
            "to a file or to /dev/null") {}

Error as_error(const std::exception_ptr& exception, const std::string& memory_advice) {
    const std::string advice = memory_advice.empty() ? way_to_more_memory() : memory_advice;
    try {
        std::rethrow_exception(exception);
    } catch (const Error& error) {
        return error;
    } catch (const std::bad_alloc&) {
        return out_of_memory("", advice);
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::resource_unavailable_try_again) {
            return {ErrorKind::Device,
                    "the system gives this process no more threads; pass a smaller --threads, or raise the limit of "
                    "this user or process (ulimit -u, ulimit -v, pids.max)"};
        }
        return error.code() == std::errc::not_enough_memory ? out_of_memory("", advice)
                                                            : internal(first_line(error.what()));
    } catch (const c10::Error& error) {
        const std::string what = error.what_without_backtrace();
        return tells_of_memory(what) ? out_of_memory(allocation_of(what), advice) : internal(first_line(what));
    } catch (const std::exception& error) {
        const std::string what = error.what();
        return tells_of_memory(what) ? out_of_memory("", advice) : internal(first_line(what));
    } catch (...) {
        return internal("an exception of unknown type");
    }
}

int run_program(int argc, char** argv, Program& program) {
    begin_process();
    const Environment environment = read_environment();
    Console console(environment);
    const LibtorchWarnings warnings(console);
    return run_guarded(console, [&] { return run_checked(argc, argv, program, environment, console); });
}

int run_guarded(Console& console, const std::function<int()>& work) {
    const Ending watched;
    try {
        return work();
    } catch (...) {
        const Error error = as_error(std::current_exception());
        console.end();
        if (error.kind() == ErrorKind::Cancelled) {
            console.info(error.sentence());
        } else {
            console.error(error.sentence());
        }
        return exit_code(error.kind());
    }
}

}  // namespace reverie
