// The program vae: all its commands.
#pragma once

#include "reverie/cli/commands.h"

namespace reverie {

CommandSet vae_program();

}  // namespace reverie
