// The commands of styletransfer, a file each; without one it paints.
#pragma once

#include <memory>

#include "reverie/cli/app.h"

namespace reverie {

std::unique_ptr<Program> style_train_command();
std::unique_ptr<Program> style_add_command();

}  // namespace reverie
