// What LibTorch warns of, as sentences of our console.
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "reverie/cli/console.h"

namespace reverie {

/// While it lives, LibTorch's warnings on this thread (a handler is a thread's own) go to the console, each once.
class LibtorchWarnings : private c10::WarningHandler {
  public:
    explicit LibtorchWarnings(Console& console) : console_(console), here_(this) {}

  private:
    void process(const c10::Warning& warning) override;

    Console& console_;
    c10::WarningUtils::WarningHandlerGuard here_;
};

}  // namespace reverie
