#include "reverie/cli/console.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string_view>

#include "cli/frame/progress.h"
#include "core/write_all.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kPlainSeconds = 10.0;
constexpr double kPlainFraction = 0.1;
constexpr const char* kClearLine = "\r\x1b[K";

/// One system call per piece of text, so that nothing flickers or interleaves; a standard error that cannot be written
/// is nobody's loss.
void write_to_stderr(std::string_view text) {
    static_cast<void>(write_all(STDERR_FILENO, std::as_bytes(std::span(text.data(), text.size()))));
}

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Puts log lines above the progress line, which it draws again below them.
class ConsoleSink : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit ConsoleSink(bool color) : color_(color) {}

    void draw(const std::string& line) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (line != line_ || line.empty()) {
            line_ = line;
            write_to_stderr("\r" + line_ + "\x1b[K");
        }
    }
    void clear() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!line_.empty()) {
            write_to_stderr(kClearLine);
            line_.clear();
        }
    }
    void write_line(const std::string& line) {
        const std::lock_guard<std::mutex> lock(mutex_);
        write_to_stderr(line_.empty() ? line + "\n" : kClearLine + line + "\n" + line_);
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        std::string text = one_line({message.payload.data(), message.payload.size()});
        if (message.level == spdlog::level::warn) {
            text.insert(0, color_ ? "\x1b[33mwarning:\x1b[0m " : "warning: ");
        } else if (message.level >= spdlog::level::err) {
            text.insert(0, color_ ? "\x1b[31merror:\x1b[0m " : "error: ");
        } else if (message.level == spdlog::level::debug && color_) {
            text = "\x1b[2m" + text + "\x1b[0m";
        }
        write_to_stderr(line_.empty() ? text + "\n" : kClearLine + text + "\n" + line_);
    }
    void flush_() override {}

  private:
    bool color_;
    std::string line_;
};

}  // namespace

struct Console::State {
    explicit State(const Environment& from)
        : environment(from),
          terminal(::isatty(STDERR_FILENO) != 0),
          sink(std::make_shared<ConsoleSink>(terminal && from.color)),
          logger("reverie", sink) {
        logger.set_error_handler([this](const std::string& /*problem*/) { unsaid = true; });
    }

    void say(spdlog::level::level_enum level, const std::string& worded) {
        const std::string sentence = with_flag_names(worded);
        logger.log(level, sentence);
        if (unsaid.exchange(false)) {  // no memory was left to put it together
            write_to_stderr(level == spdlog::level::err ? "error: " : "");
            write_to_stderr(sentence);
            write_to_stderr("\n");
        }
    }

    Environment environment;
    bool terminal;
    std::shared_ptr<ConsoleSink> sink;
    spdlog::logger logger;
    ProgressStyle style = ProgressStyle::None;
    std::string label;
    ProgressMeter meter;
    double last_drawn = 0.0;
    double last_fraction = 0.0;
    std::atomic<bool> unsaid = false;
    std::set<std::string> warned;
    std::mutex mutex;  ///< of what changes with messages and reports: they may come from several threads
};

Console::Console(const Environment& environment) : state_(std::make_unique<State>(environment)) { configure({}); }

Console::~Console() { end(); }

void Console::configure(const ConsoleOptions& options) {
    State& state = *state_;
    state.logger.set_level(options.errors_only ? spdlog::level::err
                           : options.verbose   ? spdlog::level::debug
                           : options.quiet     ? spdlog::level::warn
                                               : spdlog::level::info);
    state.style = options.errors_only ? ProgressStyle::None : options.progress;
    if (state.style == ProgressStyle::Auto) {
        state.style = options.quiet                                ? ProgressStyle::None
                      : state.terminal && state.environment.cursor ? ProgressStyle::Bar
                                                                   : ProgressStyle::Plain;
    }
}

void Console::debug(const std::string& sentence) { state_->say(spdlog::level::debug, sentence); }
void Console::info(const std::string& sentence) { state_->say(spdlog::level::info, sentence); }
void Console::warning(const std::string& sentence) {
    const std::lock_guard lock(state_->mutex);
    if (state_->warned.insert(sentence).second) {
        state_->say(spdlog::level::warn, sentence);
    }
}
void Console::error(const std::string& sentence) {
    const std::optional<Place>& rank = state_->environment.rank;
    state_->say(spdlog::level::err,
                rank && rank->count > 1 ? "rank " + std::to_string(rank->index) + ": " + sentence : sentence);
}

void Console::begin(const std::string& label) {
    end();
    const std::lock_guard lock(state_->mutex);
    state_->label = label;
    state_->meter = {};
    state_->last_drawn = seconds_now();
    state_->last_fraction = 0.0;
}

void Console::progress(const Progress& progress) {
    State& state = *state_;
    const std::lock_guard lock(state.mutex);
    const double now = seconds_now();
    state.meter.report(progress, now);
    const double since = now - state.last_drawn;
    const double fraction = state.meter.fraction();
    switch (state.style) {
        case ProgressStyle::Bar:
            if (since >= kRedrawSeconds) {
                // The last column stays free: a full line would make some terminals wrap.
                const int columns = terminal_columns(state.environment, STDERR_FILENO) - 1;
                state.sink->draw(render_bar(state.meter, one_line(state.label), columns, state.environment.utf8));
                state.last_drawn = now;
            }
            break;
        case ProgressStyle::Plain:
            if (since >= kPlainSeconds || (fraction - state.last_fraction >= kPlainFraction && since >= 1.0)) {
                state.sink->write_line(render_plain(state.meter, one_line(state.label)));
                state.last_drawn = now;
                state.last_fraction = fraction;
            }
            break;
        case ProgressStyle::Json:
            state.sink->write_line(render_json(state.meter, state.label));
            break;
        case ProgressStyle::Auto:
        case ProgressStyle::None:
            break;
    }
}

void Console::end() { state_->sink->clear(); }

std::string Console::stop_notice() const {
    if (!state_->logger.should_log(spdlog::level::info) || state_->style == ProgressStyle::Json) {
        return "";
    }
    return std::string(state_->style == ProgressStyle::Bar ? kClearLine : "") +
           "stopping after this step; once more stops at once\n";
}

}  // namespace reverie
