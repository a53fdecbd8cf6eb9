// The feed-forward net of fast style transfer: it has learnt one or several styles and paints a photo in one pass.
// Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer (2016); instance norm: Ulyanov et al. (2016);
// several styles by norm values of their own: Dumoulin, Shlens, Kudlur: A Learned Representation for Artistic Style
// (2017); nearest enlargement before convolutions instead of transposed ones: Odena et al. (2016).
#pragma once

#include <torch/nn/module.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// The net: a window of `ends`, two 3x3 of stride 2, `blocks` residual blocks of two 3x3, twice (enlarged by nearest
/// cells, 3x3), a window of `ends`. Borders are mirrored without the edge (reflect padding); behind all but the last
/// convolution an instance norm with scale and shift of the style, and a ReLU except at a block's end. Convolutions
/// have no bias but the last (a norm would take it away). Sides that are no multiple of 4: strided layers round up, and
/// the result is cut to the photo's size at its lower and right end.
struct StyleNetOptions {
    std::array<std::int64_t, 3> channels = {16, 32, 64};  ///< at full, half and quarter size; each a multiple of 8
    std::int64_t ends = 5;                                ///< window of the first and last convolution, odd, 3..11
    std::int64_t blocks = 5;                              ///< residual blocks, 1..16
    std::vector<std::string> styles;                      ///< their names, at least one, each once
    bool adds_input = true;  ///< the last convolution's result is added to the photo; else it is the picture
};

/// Throws Usage, speaking in flag names.
void validate(const StyleNetOptions& options);

/// As the metadata of a weights file ("architecture": "style_net"), and back. The latter throws Input for notes of
/// something else.
std::map<std::string, std::string> to_metadata(const StyleNetOptions& options);
StyleNetOptions style_net_options(const std::map<std::string, std::string>& metadata);

/// For training. Parameters, with S styles and C channels of the layer:
/// "down.0.weight" [C0,3,k,k], "down.1.weight" [C1,C0,3,3], "down.2.weight", "blocks.N.conv1.weight",
/// "blocks.N.conv2.weight", "up.0.weight" [C1,C2,3,3], "up.1.weight", "out.weight" [3,C0,k,k], "out.bias" [3]; the norm
/// behind X.weight: "X.scale" and "X.shift" [S,C] ("down.0.scale", "blocks.3.conv1.shift").
/// With `adds_input` the last convolution begins as 0: the untrained net gives the photo back. Else its pictures begin
/// about grey.
class StyleNet : public torch::nn::Module {
  public:
    /// Photos [N,3,H,W] in [0,1], sides >= 8, of which image n is painted in style `styles[n]` (int64 [N], CPU) ->
    /// pictures of the same size, not held to [0,1].
    virtual Tensor forward(const Tensor& photos, const Tensor& styles) = 0;
    virtual const StyleNetOptions& options() const = 0;
};

/// Initial weights are a function of `seed` alone.
std::shared_ptr<StyleNet> make_style_net(const StyleNetOptions& options, std::uint64_t seed);

}  // namespace reverie
