// Private: convolutions as sums of matrix products over the cells of a window, without an unfolded copy of the input.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "nn/frozen/convolution.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/walk.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {

/// Any window and stride; one group; replicated borders only forward.
std::unique_ptr<Convolution> make_window_products(const Node& node, std::int64_t channels, ReadWeights read,
                                                  const Kernels& kernels);

/// Of an input with few channels: a whole row of the window is one stretch of numbers in a padded copy of the input.
/// `back` computes the other direction.
std::unique_ptr<Convolution> make_first_convolution(const Node& node, std::int64_t channels, ReadWeights read,
                                                    std::unique_ptr<Convolution> back, const Kernels& kernels);

/// What 3x3 windows with replicated borders add to the gradient of the input's border: the part that falls on the ring
/// of cells around it, which are copies of it.
class BorderProducts {
  public:
    BorderProducts(const at::Tensor& weight, const Kernels& kernels);
    void add(const Map& output, const Map& input, const Margins& margins, Finish finish, Workspace& work) const;

  private:
    const Kernels& kernels_;
    int inputs_, outputs_;
    PackedMatrices packed_;
};

}  // namespace reverie::frozen
