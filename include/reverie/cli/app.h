// The frame around every program: flags, settings, logging, signals, exit codes. A program only says what it adds.
#pragma once

#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reverie/cli/common_flags.h"
#include "reverie/cli/console.h"
#include "reverie/cli/environment.h"
#include "reverie/cli/settings.h"
#include "reverie/core/error.h"
#include "reverie/core/hooks.h"
#include "reverie/core/runtime.h"
#include "reverie/distributed/ranks.h"

namespace reverie {

/// One run of one program, as the program's own code sees it.
class Session {
  public:
    Session(CLI::App& app, const CommonOptions& common, const Environment& environment, Console& console,
            const CancelToken& cancel, Settings from)
        : app_(app),
          common_(common),
          environment_(environment),
          console_(console),
          cancel_(cancel),
          from_(std::move(from)) {}

    const CommonOptions& common() const noexcept { return common_; }
    const Environment& environment() const noexcept { return environment_; }
    Console& console() noexcept { return console_; }
    const std::string& program() const;

    /// Device and threads, set up when first asked for. Throws Usage and Device.
    const Runtime& runtime();

    /// Those that a launcher started with the same command, joined when first asked for, by all of them: from then on
    /// only the first speaks. Throws Device and Ranks.
    const Ranks& ranks();

    /// The program has done its work: the ranks wait for each other.
    void finish();

    /// Progress and warnings to the console, cancellation from the signals.
    Hooks hooks();

    /// A line on standard output, there at once and whole, whoever else prints. Throws Output when it cannot be
    /// written, OutputClosed when nobody reads it any more.
    void print(const std::string& line);

    /// What --from's picture was made with; empty without --from.
    const Settings& from() const noexcept { return from_; }

    /// Whether the flag, named without dashes, was given on the command line or by --config; what --from's picture says
    /// does not count.
    bool given(const std::string& flag) const;

    /// Whether this is the first time that one asks it about these words: for what is to be said once.
    bool is_news(const std::string& what);

    /// From here on the work is that of an output which goes on only with the sizes it was begun with.
    void fix_sizes() noexcept { sizes_are_fixed_ = true; }

    /// Any exception as one of ours; where memory ran out, with those flags of this program that make its work smaller.
    Error as_error(const std::exception_ptr& exception) const;

    /// Does what --save-config asks for, once the program knows its settings.
    void save_config(const Settings& resolved) const;

  private:
    bool shares_work() const;

    CLI::App& app_;
    const CommonOptions& common_;
    const Environment& environment_;
    Console& console_;
    const CancelToken& cancel_;
    Settings from_;
    std::optional<Runtime> runtime_;
    std::optional<Ranks> ranks_;
    std::set<std::string> said_;
    bool sizes_are_fixed_ = false;
    std::mutex printing_;
};

class Program {
  public:
    virtual ~Program() = default;
    virtual std::string name() const = 0;
    virtual std::string description() const = 0;  ///< one sentence
    virtual std::string examples() const = 0;     ///< lines that close the help
    virtual void add_flags(CLI::App& app) = 0;
    /// What the help says of --output; empty: it has none.
    virtual std::string output_help() const {
        return "file to write for one input, folder for several (made when missing); - writes a PNG to standard output";
    }
    /// Whether --overwrite replaces its outputs.
    virtual bool replaces_outputs() const { return true; }
    /// Whether it has --tf32.
    virtual bool may_use_tf32() const { return false; }
    /// Whether ranks work together (Session::ranks): it has --distributed and --timeout.
    virtual bool may_share() const { return false; }
    /// A configuration file of an earlier run that is gone on with: it fills in what nothing else gave, and names that
    /// are no flag are left out. Empty: none.
    virtual std::filesystem::path goes_on_with(const CommonOptions& /*common*/) const { return {}; }
    /// Which flags' values --from and --config give only together with another one's.
    virtual std::vector<Followers> followers() const { return {}; }
    /// Does the work. The exit code: 0, or that of a fault already reported. Throws what it does not report.
    virtual int run(Session& session) = 0;
};

/// What main() returns.
int run_program(int argc, char** argv, Program& program);

/// Does the work; a fault becomes a sentence on the console and its exit code.
int run_guarded(Console& console, const std::function<int()>& work);

/// "vae 0.1.0 (LibTorch 2.15.0; ranks over mpi)"
std::string version_line(const std::string& program);

/// Output: whoever read standard output is gone. What is to be printed from here on is lost; what is written to files
/// is not.
class OutputClosed : public Error {
  public:
    OutputClosed();
};

/// A line on standard output, there at once. Throws Output, and OutputClosed when nobody reads it any more.
void write_standard_output(const std::string& line);

/// Any exception as one of ours: memory or threads that ran out are Device, what we did not foresee Internal.
/// `memory_advice`: what to do about memory; empty: what gets more of it.
Error as_error(const std::exception_ptr& exception, const std::string& memory_advice = "");

}  // namespace reverie
