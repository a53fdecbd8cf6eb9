// DeepDream: gradient ascent on the activations of whole layers at several scales, the detail lost by shrinking put
// back. Mordvintsev, Olah, Tyka: Inceptionism (2015); Chollet: Deep Learning with Python, chapter 12.2.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/dream_target.h"

namespace reverie {

/// The colour directions a dream may move in.
enum class ColorBasis {
    Natural,  ///< the colour covariance of natural photographs (Olah et al., Feature Visualization, 2017)
    Rgb,      ///< every channel for itself
    Luma,     ///< lightness only: the photo keeps its colours
};

/// What a dream starts from, where it is given no picture for that.
enum class DreamInit {
    Content,  ///< the photo
    Noise,    ///< nothing: the photo says how large the dream is, and what --keep and the like speak of
};

/// What changes, step by step (optimize/parameterization.h).
enum class DreamParameterization {
    Pixels,   ///< the picture itself
    Fourier,  ///< its spectrum, by Adam (Olah et al., Feature Visualization, 2017)
    Maco,     ///< the phases of its spectrum, whose magnitudes are held, by Adam (Fel et al. 2023)
};

/// Whose recipe a dream follows.
enum class DreamPreset {
    Reverie,      ///< ours, tuned for each network
    Chollet2e,    ///< Chollet: Deep Learning with Python, second edition (2021), 12.2
    Chollet1e,    ///< its first edition (2017), 8.2
    Google,       ///< Mordvintsev, Olah, Tyka: google/deepdream, dream.ipynb (2015)
    Gordic,       ///< Gordić: gordicaleksa/pytorch-deepdream, deepdream.py (2021)
    NeuralDream,  ///< ProGamerGov/neural-dream, neural_dream.py (2020)
};

/// What published dreams differ in beside their numbers. The defaults are Reverie's own.
struct DreamFormula {
    /// What is amplified of a whole layer with activations x.
    enum class Measure {
        MeanSquare,     ///< mean(x^2) (Chollet, second edition; gordicaleksa)
        HalfSquareSum,  ///< sum(x^2) / 2, whose gradient is x (google/deepdream)
        Norm,           ///< sqrt(sum(x^2)) (neural-dream)
    };
    /// What lies around the picture when a step shifts it by its jitter.
    enum class Edges {
        Mirrored,  ///< its mirror image, whose own gradient is thrown away
        Rolled,    ///< its other side: what leaves on the right comes in on the left
    };
    /// How long an octave's sides are, and what its photo is shrunk from.
    enum class Pyramid {
        Nearest,  ///< the full picture's over a power of the ratio, to the nearest pixel
        Down,     ///< the same, fractions dropped
        Chained,  ///< those of the next larger octave over the ratio, to the nearest pixel; and so its photo
    };
    /// How a picture is brought to another size.
    enum class Scaling {
        Bicubic,  ///< antialiased
        Linear,   ///< between the centres of pixels, not antialiased (TensorFlow, OpenCV)
        Corners,  ///< the same, the centres of the corner pixels on each other (SciPy, PyTorch's align_corners)
    };
    /// How one octave's dream becomes the next one's start.
    enum class Carry {
        DetailBefore,  ///< enlarged, with the detail that the photo lost in between
        DetailAfter,   ///< enlarged; the detail is added when that octave is done (Chollet)
        FullSize,      ///< enlarged to the full size, with the detail, and shrunk from there (neural-dream)
    };
    /// What `step_size` is multiplied by, in pixels of `pixel_range`, with the gradient g.
    enum class Step {
        Rms,           ///< g / root mean square of g, fading, slower near black and white
        Length,        ///< g / length of g over the whole picture
        MeanAbsolute,  ///< g / mean of |g|
        Deviation,     ///< (g - mean of g) / standard deviation of g
        Adam,          ///< Adam's direction, begun anew at each octave
    };
    /// When values are brought back to [0,1].
    enum class Clamp {
        Always,  ///< when an octave begins and at every step
        Steps,   ///< at every step
        End,     ///< when the dream is done
    };
    Measure measure = Measure::MeanSquare;
    std::int64_t border = 0;      ///< cells of a layer next to its border that do not count
    bool border_in_mean = false;  ///< but are counted where a mean divides (Chollet, first edition)
    Edges edges = Edges::Mirrored;
    bool balance_layers = true;  ///< each layer's gradient is brought to the same size before its weight
    Pyramid pyramid = Pyramid::Nearest;
    Scaling scaling = Scaling::Bicubic;
    Carry carry = Carry::DetailBefore;
    Step step = Step::Rms;
    Clamp clamp = Clamp::Always;
    std::array<double, 3> pixel_range = {1, 1, 1};  ///< the recipe counts red, green, blue over so long a range
    bool growing_blur = false;    ///< `smooth` grows by 2 over an octave, and three Gaussians around it are averaged
    bool stop_after_step = true;  ///< `stop_above` is found out once the step is made, not before it
    std::int64_t passes = 1;      ///< times that all octaves are gone through
    bool pool_padding = true;     ///< what average pools see beyond the border counts as zeros, not as nothing (Keras)
};

/// What a dream does, apart from the picture and the net. Defaults suit most nets; a net's own come from
/// dream_recipe().
struct DreamOptions {
    static constexpr std::int64_t kAutoTile = -1;
    DreamPreset preset = DreamPreset::Reverie;
    DreamInit init = DreamInit::Content;                                     ///< start_from() sets what suits it
    DreamParameterization parameterization = DreamParameterization::Pixels;  ///< set_parameterization() likewise
    std::vector<DreamTarget> layers;  ///< each one's gradient is brought to the same size before its weight
    double caricature = 0.0;          ///< whole layers: how much what the photo has there counts beside all of it, 0..1
    double channel_balance = 0.0;     ///< quiet channels count up to 1/this more than the mean one; 0: all as they are
    std::int64_t octaves = 0;         ///< scales, small to full; 0: down to a longest side of about `smallest`
    std::int64_t smallest = 115;      ///< pixels; used when `octaves` is 0
    std::int64_t largest = 0;         ///< pixels of the last scale's longest side; 0: the photo's. What is larger is
                                      ///< the dream enlarged, with the photo's detail
    double octave_scale = 1.35;       ///< ratio of one scale to the next, > 1
    std::int64_t steps = 0;    ///< ascent steps per octave; 0: by the number of octaves, 84 in all but 14 to 40 each;
                               ///< in a spectrum 256 in all but at least 48 each
    double step_size = 0.012;  ///< root mean square change of an octave's first step, of [0,1]: the same at any size;
                               ///< with other steps than DreamFormula::Step::Rms as those say; of what is stored
                               ///< instead of pixels Adam's rate, for phases in radians
    double stop_above = 0.0;   ///< an octave ends where the layers' weighted sum is above this; 0: never
    double decay = 0.5;        ///< an octave's last step is (1 - decay) of its first
    std::int64_t jitter = 16;  ///< each step shifts the picture by up to so many pixels, mirrored at its edges
    double robust = 0.0;  ///< each step looks at the picture turned by up to 10 degrees and scaled by up to 10 % times
                          ///< this: what a net sees in spite of it is less of a pattern that only a net sees
    std::int64_t margin = 16;    ///< mirrored pixels around the picture that the net sees in any case
    std::int64_t laplacian = 4;  ///< levels of the Laplacian pyramid whose bands are brought to equal strength; 0: none
    double band_ratio = 1.2;     ///< strength of each band relative to the next finer one
    double residual = 0.1;       ///< strength of what the bands leave over: brightness and colour of large areas
    double focus = 2.0;          ///< gathers each step where the net sees most: a power, 0: as it is
    double smooth = 0.8;         ///< sigma in pixels of the Gaussian that smooths the gradient; 0: none
    ColorBasis color_basis = ColorBasis::Natural;
    double color_power = 0.9;  ///< of the colour covariance with ColorBasis::Natural; 0 would be Rgb
    double headroom = 0.4;     ///< values nearer than this to black or white move more slowly; 0: they are cut there
    double tone = 0.06;        ///< pull of every step back to the photo's local brightness and colour, 0..1
    double detail = 1.0;       ///< how much of the detail lost by shrinking is put back, 0..1
    double calm = 0.5;         ///< how far flat parts of the photo, as a sky, are held still, 0..1
    double keep = 0.0;         ///< pull back to the photo: 1 holds it where it differs by about 0.1
    double tv = 0.0;           ///< against roughness: squared total variation (optimize/total_variation.h)
    double strength = 1.0;     ///< of the dream in the result, 0 (the photo) to 1
    /// Side of the tiles that the gradient is computed in; 0: none, whatever it takes; kAutoTile: none as long as the
    /// memory allows, then as large as it allows.
    std::int64_t tile = kAutoTile;
    std::uint64_t seed = 0;  ///< of the jitter, of `robust` and of noise
    DreamFormula formula;
    std::int64_t preview_every = 0;  ///< steps between previews; 0: none
};

/// The preset's recipe for a network of the catalogue ("inception_v3", "googlenet", "resnet50", "vgg19", "vgg16",
/// "vgg16_hed", "efficientnet_lite0" to 2); other names of the same architectures get their architecture's. A published
/// recipe names its own layers where the net has them, else those nearest in depth.
DreamOptions dream_recipe(const std::string& network, DreamPreset preset = DreamPreset::Reverie);

/// Sets `init` and, in a recipe for photos, what goes with it: of noise no detail comes back, no tones are held and
/// nothing is calm.
void start_from(DreamInit init, DreamOptions& options);

/// Sets `parameterization` and, in a recipe for pixels, what goes with it: fewer and larger octaves of more steps, no
/// transforms of the gradient that Adam would undo, and `robust`.
void set_parameterization(DreamParameterization parameterization, DreamOptions& options);

/// Makes a net's graph what the recipe wants it to be. To be called while the net is loaded.
void prepare_graph(Graph& graph, const DreamOptions& options);

/// The options of a dream that people are to choose, each declared once.
const OptionTable<DreamOptions>& dream_option_table();

/// Whether a whole layer is among the targets: what guides and caricatures are of.
bool amplifies_layers(const DreamOptions& options);

/// Throws Usage, naming the option, before any work.
void validate(const DreamOptions& options);

/// Throws Usage for options with which guides mean nothing.
void check_guided(const DreamOptions& options);

/// What a dream will take, known before it starts.
struct DreamPlan {
    std::vector<Size> octaves;    ///< small to large; those below the net's minimum are dropped
    std::int64_t dropped = 0;     ///< octaves left out
    std::int64_t peak_bytes = 0;  ///< estimate of the whole process
    std::int64_t tile = 0;        ///< side of the tiles the gradient is computed in; 0: whole
    std::int64_t steps = 0;       ///< per octave, in each pass
    double pixel_steps = 0;       ///< pixels through the net, summed over the steps: proportional to the time
    double first_steps = 0;       ///< and what the octaves' first steps take beyond that
};

/// Throws Input for a side below 16 pixels or when no octave fits the net, Usage for unknown layers, for one layer
/// under two of its names, or when `max_memory` is too small for one tile. `max_memory` in bytes; 0: no limit.
DreamPlan plan_dream(Size image, const FrozenNet& net, const DreamOptions& options, std::int64_t max_memory = 0);

/// Seconds that a planned dream will take here, found by a few steps on a grey picture of the size that goes through
/// the net at once.
double dream_seconds(const DreamPlan& plan, FrozenNet& net, const DreamOptions& options,
                     const std::vector<Tensor>& guides = {});

struct DreamResult {
    Tensor image;            ///< [3,H,W] in [0,1], the size of the input
    std::int64_t steps = 0;  ///< done
    std::int64_t tile = 0;   ///< as planned
    bool cancelled = false;  ///< stopped by the token: `image` is what was there, brought to the full size
};

/// What is dreamt on.
struct DreamJob {
    DreamJob(Tensor picture) : photo(std::move(picture)) {}  // NOLINT: a picture alone is a job
    Tensor photo;                                            ///< float32 [3,H,W] in [0,1], on any device
    Tensor protect;              ///< [1,H,W] of the photo's size in [0,1], where 1 stays to the bit; undefined: nothing
    Tensor init;                 ///< [3,h,w] of any size in [0,1]: what to start from, instead of what the options say
    std::vector<Tensor> guides;  ///< [3,h,w]: whole layers grow towards what these pictures have (google/deepdream)
};

/// Dreams on a photo; the result is on the CPU. Where the net's activations would pass `max_memory`, the gradient is
/// computed in overlapping tiles whose grid moves with every step, so no seam stays in one place. Throws like validate
/// and plan_dream, and Usage for another kind of tensor, values that are not finite or a graph that prepare_graph would
/// change.
DreamResult dream(const DreamJob& job, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory = 0,
                  const Hooks& hooks = {});

}  // namespace reverie
