// The program deepdream: pictures in which a pretrained net sees more than is there.
#pragma once

#include <memory>

#include "reverie/cli/app.h"

namespace reverie {

std::unique_ptr<Program> dream_program();

}  // namespace reverie
