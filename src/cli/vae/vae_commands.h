// The commands of the program vae, a file each.
#pragma once

#include <memory>

#include "reverie/cli/app.h"

namespace reverie {

std::unique_ptr<Program> vae_train_command();
std::unique_ptr<Program> vae_sample_command();
std::unique_ptr<Program> vae_reconstruct_command();
std::unique_ptr<Program> vae_encode_command();
std::unique_ptr<Program> vae_decode_command();
std::unique_ptr<Program> vae_interpolate_command();
std::unique_ptr<Program> vae_walk_command();
std::unique_ptr<Program> vae_manifold_command();
std::unique_ptr<Program> vae_edit_command();
std::unique_ptr<Program> vae_evaluate_command();
std::unique_ptr<Program> vae_info_command();

}  // namespace reverie
