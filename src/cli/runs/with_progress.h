// Work of the library with its progress on the console.
#pragma once

#include <string>

#include "reverie/cli/app.h"

namespace reverie {

/// What `work(hooks)` gives; until then its progress is shown under `label` (may be empty).
template <typename Work>
auto with_progress(Session& session, const std::string& label, const Work& work) {
    session.console().begin(label);
    auto result = work(session.hooks());
    session.console().end();
    return result;
}

}  // namespace reverie
