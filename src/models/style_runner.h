// Private: a style net that paints, on our own kernels.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "models/style_layers.h"
#include "reverie/core/hooks.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/models/style_net_weights.h"

namespace reverie {

/// How a map lies in memory while a picture is painted.
enum class StyleMemory {
    Whole,   ///< all maps that a layer needs
    Strips,  ///< whole at a quarter of the size alone; larger ones are made anew in strips, whenever they are needed
};

/// For several threads at once.
class StyleRunner {
  public:
    explicit StyleRunner(const StyleNetWeights& weights);

    /// `photo` [3,H,W] on the CPU, contiguous, sides >= 8; `shares` of the styles, which sum up to 1. The picture has
    /// the photo's size and is not held to [0,1]. The bits are the same with any number of threads, and either
    /// `memory`. Empty when the hooks' token stopped it.
    std::optional<Tensor> paint(const Tensor& photo, const std::vector<double>& shares, double strength,
                                StyleMemory memory, const Hooks& hooks) const;

    /// What that takes beside the photo, the picture included.
    std::int64_t bytes(Size photo, StyleMemory memory) const;

  private:
    friend class StylePass;

    /// A layer and what comes behind it, by style.
    struct Normed {
        std::unique_ptr<StyleLayer> layer;
        std::vector<std::vector<double>> scales, shifts;  ///< [styles][channels]
        bool relu = true;
    };

    const kernels::Kernels& kernels_;
    bool adds_input_;
    std::vector<Normed> down_, blocks_, up_;  ///< of a block, both layers one after the other
    std::unique_ptr<StyleOutput> output_;
};

}  // namespace reverie
