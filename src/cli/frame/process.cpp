#include "cli/frame/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>

#include "core/machine.h"
#include "reverie/cli/app.h"
#include "reverie/core/files.h"

namespace reverie {
namespace {

std::atomic<bool> g_working = false;

void say(const char* text) {
    const ssize_t ignored = ::write(STDERR_FILENO, text, std::strlen(text));
    static_cast<void>(ignored);
}

[[noreturn]] void end_at_once(ErrorKind kind, const char* sentence) {
    say("error: ");
    say(sentence);
    say("\n");
    remove_temporary_files();
    ::_exit(exit_code(kind));
}

/// OpenMP's library ends the process when it gets no thread or no memory; it has said so itself by then.
void on_exit_of_a_library() {
    if (g_working) {
        end_at_once(ErrorKind::Device,
                    "a library ended the program, as it does when the system gives it no more threads or memory; pass "
                    "a smaller --threads, or raise the limits (ulimit -u, ulimit -v, pids.max)");
    }
}

[[noreturn]] void on_terminate() {
    if (const std::exception_ptr exception = std::current_exception(); exception && g_working) {
        try {
            const Error error = as_error(exception);
            end_at_once(error.kind(), with_flag_names(error.sentence()).c_str());
        } catch (...) {
            say("error: memory ran out; ");
            say(way_to_more_memory());
            say("\n");
            remove_temporary_files();
            ::_exit(exit_code(ErrorKind::Device));
        }
    }
    std::abort();
}

/// oneDNN calls what it could not make code for, and C libraries use what malloc() did not give them: both meet the
/// first page, of which a limit of address space is then the reason. Any other fault remains what it is.
void on_bad_access(int /*signal*/, siginfo_t* info, void* /*context*/) {
    constexpr std::uintptr_t kPage = 4096;
    static std::atomic_flag ending = ATOMIC_FLAG_INIT;
    if (reinterpret_cast<std::uintptr_t>(info->si_addr) < kPage && g_working) {
        while (ending.test_and_set()) {
            ::pause();  // several threads meet it at a time, and one says so
        }
        end_at_once(ErrorKind::Device,
                    "memory ran out inside a library, which did not check; raise this process's limit of address space "
                    "(ulimit -v)");
    }
    std::signal(SIGSEGV, SIG_DFL);  // the access that is tried again ends the process as usual
}

void watch_bad_accesses() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return;
    }
    struct sigaction action {};
    action.sa_sigaction = on_bad_access;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace

void open_standard_streams() {
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
            // It gets the lowest free number, which is the one wanted: those below it are taken by now.
            static_cast<void>(::open("/dev/null", O_RDWR));
        }
    }
}

void begin_process() {
    open_standard_streams();
    static std::once_flag once;
    std::call_once(once, [] {
        std::atexit(on_exit_of_a_library);
        std::set_terminate(on_terminate);
        watch_bad_accesses();
        // MKL promises the same bits from run to run with several threads in this mode alone; it reads it when it first
        // works. What the user has set stays.
        setenv("MKL_CBWR", "AUTO", /*replace=*/0);
        keep_freed_memory();
    });
}

Ending::Ending() { g_working = true; }
Ending::~Ending() { g_working = false; }

}  // namespace reverie
