// Where one scene of a film ends and the next begins, told from two neighbouring frames.
#pragma once

#include "reverie/core/tensor.h"

namespace reverie {

/// How much a frame differs from the one before, both seen at 64 pixels of the longest side.
struct FrameChange {
    double colors = 0;  ///< distance of their histograms, 0 to 1, the mean over R, G and B: motion leaves it small
    /// Share of pixels whose luma differs by more than a tenth once brightness and contrast are matched, 0 to 1: light
    /// that changes leaves it small.
    double pixels = 0;
};

/// [3|4,H,W] in [0,1], alike; alpha does not count. Throws Usage otherwise.
FrameChange frame_change(const Tensor& before, const Tensor& frame);

/// Both at once, which neither fast motion nor a fade or a flash brings about. A cut between two pictures of the same
/// colours goes unseen.
bool is_scene_cut(const FrameChange& change) noexcept;

}  // namespace reverie
