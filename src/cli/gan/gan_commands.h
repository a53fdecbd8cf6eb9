// The commands of the program gan, a file each.
#pragma once

#include <memory>

#include "reverie/cli/app.h"

namespace reverie {

std::unique_ptr<Program> gan_train_command();
std::unique_ptr<Program> gan_sample_command();
std::unique_ptr<Program> gan_interpolate_command();
std::unique_ptr<Program> gan_evaluate_command();
std::unique_ptr<Program> gan_nearest_command();
std::unique_ptr<Program> gan_augment_command();
std::unique_ptr<Program> gan_info_command();

}  // namespace reverie
