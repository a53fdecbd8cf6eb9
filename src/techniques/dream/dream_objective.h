// Private: the dream's objective, the mean square of whole layers' activations.
#pragma once

#include <functional>

#include "reverie/nn/frozen_net.h"
#include "reverie/optimize/image_loop.h"
#include "reverie/techniques/dream.h"

namespace reverie {

/// How one octave is seen by the net.
struct DreamView {
    std::int64_t tile = 0;     ///< side of a tile's own part; 0: the whole picture at once
    std::uint64_t octave = 0;  ///< keys the randomness
};

/// Pixels a tile sees beyond its own part. Deep layers see further; what they miss differs from step to step, because
/// the grid moves.
inline constexpr std::int64_t kTileHalo = 96;

/// Pixels that go through the net in one step over a canvas, the halos of tiles included.
double step_pixels(Size canvas, std::int64_t tile);

/// The size the net sees of a picture: mirrored margins included.
Size dream_canvas(Size picture, const DreamOptions& options);

/// Minus the weighted sum of mean squares. Each step looks at the picture shifted at random within its mirrored
/// surroundings, so that neither the net's strides nor its zero padding leave a mark. In the first step each layer's
/// gradient is measured, and from then on divided by its root mean square.
class DreamObjective final : public Objective {
  public:
    DreamObjective(FrozenNet& net, const DreamOptions& options, const DreamView& view);
    Tensor value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) override;

  private:
    struct Shift {
        std::int64_t top, left;
    };
    Shift shift_of(std::int64_t step) const;
    /// Gradients over the canvas: one sum with the layers' factors, or one per layer when `apart`.
    std::vector<Tensor> canvas_gradients(const Tensor& canvas, std::int64_t step, bool apart, Tensor& value);
    struct Span {
        std::int64_t begin, end;          // what the net sees
        std::int64_t own_begin, own_end;  // what the tile answers for
    };
    struct Tile {
        Tensor patch;
        double share;  // of the canvas' pixels
        Span rows, columns;
    };
    void for_each_tile(const Tensor& canvas, std::int64_t step, const std::function<void(const Tile&)>& visit) const;
    void balance_channels(const Tensor& canvas);
    std::vector<Tensor> patch_gradients(const Tensor& patch, bool apart, double share, Tensor& value);

    FrozenNet& net_;
    const DreamOptions& options_;
    DreamView view_;
    std::vector<std::string> taps_;
    // Per layer, empty before the first step:
    std::vector<Tensor> channels_;  // [1,C,1,1]: weights of its channels; empty for good when all count alike
    std::vector<Tensor> factors_;   // scalar: its weight over the size of its gradient
};

}  // namespace reverie
