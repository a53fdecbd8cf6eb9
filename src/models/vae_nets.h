// The kinds of VAE nets; options are valid and resolved.
#pragma once

#include <cstdint>
#include <memory>

#include "reverie/models/vae.h"

namespace reverie {

std::shared_ptr<VaeNet> make_chollet_vae(const VaeNetOptions& options, std::uint64_t seed);
std::shared_ptr<VaeNet> make_pytorch_vae(const VaeNetOptions& options, std::uint64_t seed);
std::shared_ptr<VaeNet> make_antixk_vae(const VaeNetOptions& options, std::uint64_t seed);
std::shared_ptr<VaeNet> make_residual_vae(const VaeNetOptions& options, std::uint64_t seed);

/// A head's log variances held in [-30, 20], where exp() and its square are numbers.
Tensor held_log_variance(const Tensor& raw);

}  // namespace reverie
