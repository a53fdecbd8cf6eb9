// DeepDream: gradient ascent on the activations of whole layers at several scales, the detail lost by shrinking put
// back. Mordvintsev, Olah, Tyka: Inceptionism (2015); Chollet: Deep Learning with Python, chapter 12.2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/tensor.h"
#include "reverie/image/picture.h"
#include "reverie/nn/frozen_net.h"

namespace reverie {

struct LayerWeight {
    std::string tap;      ///< any name the net knows, e.g. "Mixed_6c", "relu4_2", "block10"
    double weight = 1.0;  ///< its share of the gradient; negative: the layer is quietened
};

/// The colour directions a dream may move in.
enum class ColorBasis {
    Natural,  ///< the colour covariance of natural photographs (Olah et al., Feature Visualization, 2017)
    Rgb,      ///< every channel for itself
    Luma,     ///< lightness only: the photo keeps its colours
};

/// What a dream does, apart from the picture and the net. The defaults of a net come from dream_recipe().
struct DreamOptions {
    std::vector<LayerWeight> layers;
    std::int64_t octaves = 4;   ///< scales, from small to the full size
    double octave_scale = 1.4;  ///< ratio of one scale to the next, > 1
    std::int64_t steps = 16;    ///< ascent steps per octave
    double step_size =
        0.02;  ///< change per step in units of [0,1], root mean square over the image: the same at any size
    std::int64_t jitter = 32;    ///< each step shifts the picture by up to so many pixels, mirrored at its edges
    double smooth = 0.0;         ///< sigma in pixels of the Gaussian that smooths the gradient; 0: none
    std::int64_t laplacian = 4;  ///< levels of the Laplacian pyramid whose bands are brought to equal strength; 0: none
    ColorBasis color_basis = ColorBasis::Natural;
    double detail = 1.0;             ///< how much of the detail lost by shrinking is put back, 0..1
    std::uint64_t seed = 0;          ///< of the jitter
    std::int64_t preview_every = 0;  ///< steps between previews; 0: none
};

/// The recipe tuned for a network of the catalogue ("inception_v3", "vgg19", "vgg16", "vgg16_hed",
/// "efficientnet_lite0"); other names of the same architectures get their architecture's.
DreamOptions dream_recipe(const std::string& network);

/// Throws Usage, speaking in flag names, before any work.
void validate(const DreamOptions& options);

/// What a dream will take, known before it starts.
struct DreamPlan {
    std::vector<Size> octaves;    ///< small to large; those below the net's minimum are dropped
    std::int64_t dropped = 0;     ///< octaves left out
    std::int64_t peak_bytes = 0;  ///< estimate, weights included
    bool tiled = false;           ///< the gradient is computed in tiles to stay within `max_memory`
    double pixel_steps = 0;       ///< pixels times steps, summed: proportional to the time
};

/// Throws Input when even one octave does not fit the net (too small a picture), Usage for unknown layers.
DreamPlan plan_dream(Size image, const FrozenNet& net, const DreamOptions& options, std::int64_t max_memory);

struct DreamResult {
    Tensor image;            ///< [3,H,W] in [0,1], the size of the input
    std::int64_t steps = 0;  ///< done
    bool cancelled = false;  ///< stopped by the token: `image` is what was there, brought to the full size
};

/// Dreams on `image` [3,H,W]. `max_memory` in bytes bounds the net's activations: beyond it the gradient is computed in
/// overlapping tiles whose grid moves with every step, so no seam stays in one place. Throws like plan_dream.
DreamResult dream(const Tensor& image, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory,
                  const Hooks& hooks = {});

}  // namespace reverie
