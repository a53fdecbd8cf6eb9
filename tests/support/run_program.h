// Running a real program as a process: what it wrote, how it ended, and signals on the way.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace reverie::test {

struct RunOptions {
    std::map<std::string, std::string> environment;  ///< all of it: nothing is inherited
    std::string input;                               ///< standard input
    std::size_t file_size_limit = 0;                 ///< bytes any file may have; 0: no limit. Stands for a full disk
    bool output_closed = false;                      ///< nobody reads standard output
    std::vector<int> closed;                         ///< descriptors it is started without, as by >&-
    std::vector<int> ignored;                        ///< signals it is started with ignored, as by nohup
    std::size_t address_space = 0;                   ///< ulimit -v, in bytes; 0: no limit
    std::size_t processes = 0;                       ///< ulimit -u; 0: no limit. Binds nobody who may do everything
};

struct RunResult {
    int exit_code = -1;  ///< -1: ended by a signal
    int signal = 0;
    std::string output;       ///< standard output
    std::string error;        ///< standard error
    double peak_bytes = 0.0;  ///< of memory it had at most
};

class RunningProgram {
  public:
    RunningProgram(const std::vector<std::string>& words, const RunOptions& options) : input_(options.input) {
        const auto pipe_pair = [] {
            std::array<int, 2> ends{};
            if (pipe2(ends.data(), O_CLOEXEC) != 0) {
                throw std::runtime_error("no pipe could be made");
            }
            return ends;
        };
        const auto in = pipe_pair();
        const auto out = pipe_pair();
        const auto err = pipe_pair();
        std::vector<std::string> variables;
        for (const auto& [name, value] : options.environment) {
            variables.push_back(name + "=" + value);
        }
        // Prepared before the fork: between fork and exec nothing may allocate.
        std::vector<char*> arguments = pointers(words);
        std::vector<char*> environment = pointers(variables);
        if (options.output_closed) {
            close(out[0]);
        }
        pid_ = fork();
        if (pid_ == 0) {
            dup2(in[0], STDIN_FILENO);
            dup2(out[1], STDOUT_FILENO);
            dup2(err[1], STDERR_FILENO);
            if (options.file_size_limit > 0) {
                const rlimit limit{options.file_size_limit, options.file_size_limit};
                setrlimit(RLIMIT_FSIZE, &limit);
            }
            if (options.address_space > 0) {
                const rlimit limit{options.address_space, options.address_space};
                setrlimit(RLIMIT_AS, &limit);
            }
            if (options.processes > 0) {
                const rlimit limit{options.processes, options.processes};
                setrlimit(RLIMIT_NPROC, &limit);
            }
            // Whatever the tests themselves were started with.
            for (const int number : {SIGINT, SIGHUP, SIGTERM, SIGPIPE}) {
                std::signal(number, SIG_DFL);
            }
            for (const int number : options.ignored) {
                std::signal(number, SIG_IGN);
            }
            for (const int descriptor : options.closed) {
                close(descriptor);
            }
            execve(arguments[0], arguments.data(), environment.data());
            _exit(127);
        }
        close(in[0]);
        close(out[1]);
        close(err[1]);
        in_ = in[1];
        out_ = options.output_closed ? -1 : out[0];
        err_ = err[0];
        fcntl(in_, F_SETFL, O_NONBLOCK);
        std::signal(SIGPIPE, SIG_IGN);  // a program need not read all of its input
    }
    ~RunningProgram() {
        if (!ended_) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        for (const int end : {in_, out_, err_}) {
            if (end >= 0) {
                close(end);
            }
        }
    }
    RunningProgram(const RunningProgram&) = delete;
    RunningProgram& operator=(const RunningProgram&) = delete;

    void signal(int number) const { kill(pid_, number); }

    /// How many threads it has at the moment.
    int threads() const {
        int count = 0;
        std::error_code ended;
        for (const auto& entry :
             std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", ended)) {
            count += entry.path().filename().empty() ? 0 : 1;
        }
        return count;
    }

    /// Until standard error holds `text`; false when the program ends first or nothing comes for two minutes.
    bool wait_for_error(const std::string& text) {
        while (result_.error.find(text) == std::string::npos) {
            if (!pump()) {
                return false;
            }
        }
        return true;
    }

    RunResult wait() {
        while (pump()) {
        }
        int status = 0;
        rusage usage{};
        wait4(pid_, &status, 0, &usage);
        ended_ = true;
        result_.peak_bytes = static_cast<double>(usage.ru_maxrss) * 1024.0;
        result_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        result_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        return result_;
    }

  private:
    static std::vector<char*> pointers(const std::vector<std::string>& words) {
        std::vector<char*> all;
        for (const std::string& word : words) {
            all.push_back(const_cast<char*>(word.c_str()));
        }
        all.push_back(nullptr);
        return all;
    }

    static void read_some(int& end, std::string& text) {
        std::array<char, 65536> buffer{};
        const ssize_t count = read(end, buffer.data(), buffer.size());
        if (count > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(count));
        } else if (count == 0 || errno != EINTR) {
            close(end);
            end = -1;
        }
    }

    void feed() {
        if (!input_.empty()) {
            const ssize_t count = write(in_, input_.data(), input_.size());
            if (count > 0) {
                input_.erase(0, static_cast<std::size_t>(count));
            } else if (errno != EAGAIN && errno != EINTR) {
                input_.clear();
            }
        }
        if (input_.empty()) {
            close(in_);
            in_ = -1;
        }
    }

    /// Moves what is there; false when both outputs are closed.
    bool pump() {
        if (out_ < 0 && err_ < 0) {
            return false;
        }
        std::array<pollfd, 3> ends{{{out_, POLLIN, 0}, {err_, POLLIN, 0}, {in_, POLLOUT, 0}}};
        constexpr int kPatience = 120'000;
        if (poll(ends.data(), ends.size(), kPatience) <= 0) {
            kill(pid_, SIGKILL);
            return false;
        }
        if (ends[0].revents != 0) {
            read_some(out_, result_.output);
        }
        if (ends[1].revents != 0) {
            read_some(err_, result_.error);
        }
        if (ends[2].revents != 0) {
            feed();
        }
        return true;
    }

    std::string input_;
    pid_t pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    int err_ = -1;
    bool ended_ = false;
    RunResult result_;
};

inline RunResult run_program(const std::vector<std::string>& words, const RunOptions& options = {}) {
    return RunningProgram(words, options).wait();
}

}  // namespace reverie::test
