// Both nets of a GAN together: their tensors by the names of the exported file, images to and from their range.
#pragma once

#include <c10/core/Device.h>

#include <map>
#include <string>

#include "reverie/models/gan.h"
#include "reverie/train/optimizer.h"

namespace reverie {

/// Parameters of a net, and its buffers too, behind "<prefix>.".
NamedTensors parameters_of(const torch::nn::Module& net, const std::string& prefix);
NamedTensors tensors_of(const torch::nn::Module& net, const std::string& prefix);

inline constexpr const char* kGenerator = "generator";
inline constexpr const char* kDiscriminator = "discriminator";

/// Images in [0,1] in the range of the nets, and back (clamped, contiguous).
Tensor to_range(const Tensor& images, const ValueRange& range);
Tensor from_range(const Tensor& images, const ValueRange& range);

}  // namespace reverie
