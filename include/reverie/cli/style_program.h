// The program styletransfer: pictures painted in the style of others.
#pragma once

#include <memory>

#include "reverie/cli/commands.h"

namespace reverie {

/// Paints pictures where the first word is no command, and else trains nets that paint at once.
CommandSet style_program();

}  // namespace reverie
