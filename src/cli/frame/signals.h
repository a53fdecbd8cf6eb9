// SIGINT, SIGTERM and SIGHUP: the first asks for a stop, the second one ends the process at once.
#pragma once

#include <string>

#include "reverie/core/hooks.h"

namespace reverie {

/// Installs the handlers and returns the token they set; SIGINT and SIGHUP stay ignored where they were. SIGPIPE and
/// SIGXFSZ are ignored, so that a closed pipe or a file size limit comes back as an error of the write.
const CancelToken& install_signal_handlers();

/// What the first signal writes to standard error; empty: nothing.
void set_stop_notice(const std::string& text);

}  // namespace reverie
