// Standard error: sentences for people, and one line of progress that never mixes with them. Several threads may speak
// at once.
#pragma once

#include <memory>
#include <string>

#include "reverie/cli/environment.h"
#include "reverie/core/hooks.h"

namespace reverie {

enum class ProgressStyle { Auto, Bar, Plain, Json, None };

struct ConsoleOptions {
    bool quiet = false;
    bool verbose = false;
    ProgressStyle progress = ProgressStyle::Auto;
    bool errors_only = false;  ///< another rank says the rest
};

class Console {
  public:
    explicit Console(const Environment& environment);
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    void configure(const ConsoleOptions& options);

    void debug(const std::string& sentence);    ///< shown with --verbose
    void info(const std::string& sentence);     ///< not shown with --quiet
    void warning(const std::string& sentence);  ///< each sentence once
    void error(const std::string& sentence);

    /// A new piece of work whose progress is shown under `label` (may be empty).
    void begin(const std::string& label);
    void progress(const Progress& progress);
    /// The work is over: nothing of the bar stays.
    void end();

    /// What a first signal should say, in the words of this console; empty when it must keep silent.
    std::string stop_notice() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace reverie
