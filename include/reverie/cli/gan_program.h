// The program gan: adversarial nets that learn a set of images.
#pragma once

#include "reverie/cli/commands.h"

namespace reverie {

CommandSet gan_program();

}  // namespace reverie
