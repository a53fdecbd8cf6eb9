// Private: convolutions that take each channel by itself, row by row of what they write.
#pragma once

#include <memory>

#include "nn/frozen/convolution.h"
#include "nn/frozen/kernel_names.h"

namespace reverie::frozen {

std::unique_ptr<Convolution> make_depthwise(const Node& node, const ReadWeights& read, const Kernels& kernels);

}  // namespace reverie::frozen
