// Private: the objective of style transfer at one scale, whole or in exact two-pass tiles.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/optimize/image_loop.h"
#include "reverie/techniques/style.h"
#include "techniques/style/style_moments.h"

namespace reverie {

/// A part of the picture and what it should look like.
struct StyleRegion {
    Tensor mask;           ///< [1,H,W] in [0,1] at the scale's size; undefined: everything
    StyleMoments moments;  ///< what its statistics are compared with
    double weight = 1.0;   ///< relative to its area
};

class StyleObjective final : public Objective {
  public:
    /// `content` [3,H,W] is the picture whose content is kept; `counted` [1,H,W] in [0,1]: where it counts (undefined:
    /// everywhere); `tile`: side of the tiles' own parts, a multiple of 16, or 0.
    StyleObjective(StyleNets nets, const StyleOptions& options, const Tensor& content, const Tensor& counted,
                   const std::vector<StyleRegion>& regions, std::int64_t tile);
    ~StyleObjective() override;

    /// From now on another picture's content is kept, of any size, and counted everywhere; what styles are compared
    /// with stays. For objectives of regions without masks and formulas that do not depend on the size (Reverie's).
    void keep_content_of(const Tensor& content);
    /// What the styles' layers and the palette count from now on, times what the options say.
    void weigh_styles(double factor);

    Tensor value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) override;
    /// The same value to the bit, without the backward passes.
    Tensor value(const Tensor& image);

    /// The last value's parts, weighted, and "total".
    std::map<std::string, double> losses() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace reverie
