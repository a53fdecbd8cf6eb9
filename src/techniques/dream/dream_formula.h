// Private: what published dreams differ in, as functions of the options.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/optimize/gradient_transform.h"
#include "reverie/optimize/image_loop.h"
#include "reverie/techniques/dream.h"
#include "techniques/dream/dream_canvas.h"

namespace reverie {

/// Ascent steps of each of so many octaves. Few octaves leave a picture hardly changed at the step count that suits
/// many.
std::int64_t steps_for(std::size_t octaves, const DreamOptions& options);

/// Sizes of a picture's octaves, small to large.
std::vector<Size> octave_sizes(Size full, const DreamOptions& options);

/// A picture at another size.
Tensor scaled(const Tensor& picture, Size size, DreamFormula::Scaling scaling);

/// The photo at the size of one of its octaves, all of which are in `octaves`.
Tensor octave_photo(const Tensor& photo, const std::vector<Size>& octaves, std::size_t octave,
                    const DreamFormula& formula);

/// What happens to a gradient before a step; `free` as of free_of().
std::vector<GradientTransform> transforms_of(const DreamOptions& options, const Tensor& free);

/// By how much a step shifts the picture, up to the jitter. `stage` counts octaves over all passes.
DreamCanvas::Shift shift_of(const DreamOptions& options, std::uint64_t stage, std::int64_t step);

/// How far each pixel of an octave's photo may move, [1,H,W], 0 to 1: not where `protect` (of any size) is 1, and by
/// `calm` less where the photo is flat. Undefined: all of them wholly.
Tensor free_of(const Tensor& photo, const Tensor& protect, double calm);

/// What an octave's steps go by.
struct OctaveSteps {
    std::uint64_t number = 0;  ///< counts octaves over all passes
    std::int64_t steps = 1;
    Tensor photo;        ///< of the octave's size
    Tensor free;         ///< [1,H,W]: how far a pixel may move, 0 to 1; undefined: all of them wholly
    Tensor origin;       ///< of start_at(): whose magnitudes are held; undefined: the photo's
    double reach = 1.0;  ///< the part of the pixels that the targets can change
};

/// How an octave follows its gradient.
std::unique_ptr<StepRule> make_step(const DreamOptions& options, const OctaveSteps& octave);

}  // namespace reverie
