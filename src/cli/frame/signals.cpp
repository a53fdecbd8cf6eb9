#include "cli/frame/signals.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "reverie/core/files.h"

namespace reverie {
namespace {

CancelToken g_cancel;
std::array<char, 256> g_notice{};  // plain bytes: a handler may not allocate

extern "C" void stop_on_signal(int) {
    const int interrupted_errno = errno;
    if (g_cancel.requested()) {
        remove_temporary_files();
        _exit(exit_code(ErrorKind::Cancelled));
    }
    g_cancel.request();
    const ssize_t ignored = ::write(STDERR_FILENO, g_notice.data(), ::strnlen(g_notice.data(), g_notice.size()));
    static_cast<void>(ignored);
    errno = interrupted_errno;
}

}  // namespace

const CancelToken& install_signal_handlers() {
    struct sigaction action {};
    action.sa_handler = stop_on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction inherited {};
        // Whoever starts a program with an interrupt or a hang-up ignored (nohup, a shell in the background) wants it
        // to go on.
        const bool ignored =
            ::sigaction(number, nullptr, &inherited) == 0 && inherited.sa_handler == SIG_IGN && number != SIGTERM;
        if (!ignored) {
            ::sigaction(number, &action, nullptr);
        }
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    return g_cancel;
}

void set_stop_notice(const std::string& text) {
    g_notice.fill('\0');
    std::copy_n(text.begin(), std::min(text.size(), g_notice.size() - 1), g_notice.begin());
}

}  // namespace reverie
