// Private: latents as a table of text.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// A title row (z0, z1, ..., after "name" when there are names), then one row a latent, its numbers in 9 significant
/// digits. Names are quoted where they must be (RFC 4180).
std::string latents_to_csv(const Tensor& latents, const std::vector<std::string>& names);

/// Reads that, and tables of bare numbers without a title row. Throws Input, naming the line.
Tensor latents_from_csv(const std::filesystem::path& path);

}  // namespace reverie
