// The program styletransfer: pictures painted in the style of others.
#pragma once

#include <memory>

#include "reverie/cli/app.h"

namespace reverie {

std::unique_ptr<Program> style_program();

}  // namespace reverie
