// Private: the dream's objective, the weighed sum of its terms.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reverie/nn/frozen_net.h"
#include "reverie/optimize/image_loop.h"
#include "reverie/techniques/dream.h"
#include "techniques/dream/dream_canvas.h"
#include "techniques/dream/dream_terms.h"
#include "techniques/dream/dream_turn.h"

namespace reverie {

/// Pixels that go through the net in one step over a canvas, the halos of tiles included.
double step_pixels(Size canvas, const PatchGrid& grid);

/// The tile for a picture's octave, where one was planned for the largest: small ones go through the net as a whole.
std::int64_t tile_of(Size picture, const FrozenNet& net, const DreamOptions& options, std::int64_t tile);

/// The same for a picture, in the tiles planned for its largest octave.
double step_pixels(Size picture, const FrozenNet& net, const DreamOptions& options, std::int64_t tile);

/// The grid for tiles of so many pixels at most (0: none) of a net.
PatchGrid patch_grid(const FrozenNet& net, std::int64_t tile);

/// How one octave is seen by the net.
struct DreamView {
    std::int64_t tile = 0;             ///< side of a tile's own part at most; 0: the whole picture at once
    std::uint64_t octave = 0;          ///< keys the randomness
    Tensor photo = {};                 ///< the octave's photo: for terms that look at it
    const Features* guides = nullptr;  ///< from guide_features(); null: none
};

/// Minus the weighted sum of the targets' terms. Each step looks at the picture shifted at random in its surroundings,
/// so that neither the net's strides nor its zero padding leave a mark, and turned where the options want it to be.
/// Where layers are balanced, each term's gradient is measured in the first step, and from then on divided by its root
/// mean square.
///
/// In tiles the gradient is that of the whole wherever the halo covers what a layer sees: what is summed over the
/// picture is summed first, in a pass without gradients, and of a patch's gradient only its own pixels are taken.
class DreamObjective final : public Objective {
  public:
    DreamObjective(FrozenNet& net, const DreamOptions& options, const DreamView& view);
    Tensor value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) override;

    /// The part of a picture's pixels that the targets can change: less than 1 where they are all of one place.
    double reach(Size picture) const;

  private:
    using Term = DreamTerm;
    /// A patch with the terms that look at it.
    struct Look {
        DreamPatch patch;
        std::vector<std::size_t> terms;
        DreamCanvas::Part part = DreamCanvas::Part::Own;
    };
    DreamCanvas canvas_at(Size picture, std::int64_t step) const;
    std::vector<Look> looks_at(const DreamCanvas& canvas, const DreamTurn& turn, Size picture, std::int64_t step) const;
    void look_first(const Tensor& image, const DreamCanvas& canvas, const std::vector<Look>& looks, bool first);
    /// What the net says of a patch to some of the terms, ready for backward.
    struct Seen {
        Features features, photo;
    };
    Seen see(const Tensor& image, const DreamCanvas& canvas, const Look& look);
    /// The same of the picture as it is seen, turned.
    Tensor seen_value_and_gradient(const Tensor& image, const DreamTurn& turn, std::int64_t step, Tensor& gradient);
    /// The gradient of minus one term over a patch, without its weight; its share of the value is taken from `value`.
    /// With `again` others follow.
    Tensor gradient_of(std::size_t term, const Look& look, const Seen& seen, bool again, Tensor& value);
    void measure(const Tensor& image, const DreamCanvas& canvas, const std::vector<Look>& looks);
    Tensor joint_gradient(const Look& look, const Seen& seen, Tensor& value);
    Tensor first_whole_gradient(const Tensor& image, const DreamCanvas& canvas, const Look& look, Tensor& value);

    FrozenNet& net_;
    const DreamOptions& options_;
    DreamView view_;
    Tensor photo_;  // as this step sees it; for terms that look at it
    PatchGrid grid_;
    std::vector<std::unique_ptr<Term>> terms_;
    std::vector<std::size_t> spread_, local_;  // terms of the whole picture, and of one place
    std::vector<Tensor> factors_;  // scalar for each term, minus its weight over the size of its gradient; first none
};

}  // namespace reverie
