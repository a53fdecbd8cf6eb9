// Style transfer: the style of one or more images (statistics of a VGG net's activations at several depths) on the
// content (deep activations) of another, by optimising pixels from coarse to fine. Gatys, Ecker, Bethge: Image Style
// Transfer Using Convolutional Neural Networks (2016); the W2 statistic and the carried optimiser: crowsonkb's
// style-transfer-pytorch (2021).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/hooks.h"
#include "reverie/core/option_table.h"
#include "reverie/core/size.h"
#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/nn/layer_weight.h"
#include "reverie/nn/style_statistics.h"

namespace reverie {

/// Whose formulas: how losses are scaled, which variation, how styles are sized. All else are options.
enum class StylePreset {
    Reverie,      ///< activations divided by the style's own root mean square, so one set of weights fits every net
    Crowsonkb,    ///< style-transfer-pytorch
    Gatys,        ///< the 2016 paper
    NeuralStyle,  ///< neural-style-pt
    Chollet2e     ///< Deep Learning with Python, second edition, 12.3
};

enum class StyleOptimizer { Adam, Lbfgs, GradientDescent };

enum class StyleColor {
    Style,     ///< as it comes
    Content,   ///< afterwards: the content's Lab chroma under the result's lightness
    Luma,      ///< styled in grey, then the content's colour differences put back exactly
    Match,     ///< before: the style's RGB mean and covariance made the content's (Gatys et al. 2016)
    Histogram  ///< before: the style's histograms made the content's
};

/// What convolutions see beyond the border.
enum class StylePadding { Zero, ReplicateFirst, ReplicateAll };

enum class StyleInit { Content, Style, Noise };

/// A smallest scale larger than any picture: then the first scale is the last.
inline constexpr std::int64_t kOneScale = 1 << 20;

struct StyleOptions {
    StylePreset preset = StylePreset::Reverie;
    std::vector<LayerWeight> style_layers;    ///< weights count as shares of their sum (Reverie, Crowsonkb), else as is
    std::vector<LayerWeight> content_layers;  ///< likewise
    StyleStatistic statistic = StyleStatistic::W2;
    double content_weight = 0.075;
    std::vector<LayerWeight> content_network_layers;  ///< of the second net that sees the content, where there is one
    double content_network_share = 0.85;  ///< of `content_weight` is said by that net, the rest by the first
    double style_weight = 1.0;
    double palette = 2.0;    ///< W2 of the pixels' own RGB, relative to the style layers together (Reverie)
    double tv = 0.0;         ///< smoothness of lightness
    double tv_chroma = 4.0;  ///< smoothness of colour, times `tv` (Reverie)
    double strength = 1.0;   ///< 0..1: the styles' statistics blended with the content's own; 1: the styles' alone

    Pooling pooling = Pooling::Max;
    double pooling_gain = 1.0;
    StylePadding padding = StylePadding::ReplicateAll;  ///< else layers paint frames where they see zeros

    std::int64_t min_size = 128;   ///< longest side of the smallest scale; scales grow by sqrt 2
    std::int64_t steps = 110;      ///< most in a scale of up to 128 pixels, and in every scale without `falloff`
    double falloff = 0.7;          ///< steps fall as (128 / longest side)^this, to 8 or `steps` at the least
    std::int64_t first_steps = 0;  ///< most in the smallest scale; 0: as in the others
    std::int64_t patience = 0;  ///< a scale ends when so many steps made its mean loss less than 1 % better; 0: never
    StyleOptimizer optimizer = StyleOptimizer::Adam;
    double step_size = 0.03;  ///< Adam: of [0,1]
    double step_decay = 0.9;  ///< a scale's last step is (1 - this) of its first, linearly
    double average = 0.9;     ///< decay of the running mean of the images that is shown and carried; 0: none

    double style_scale = 1.5;  ///< size of style images relative to the content's (not Chollet2e, where both have one)
    StyleInit init = StyleInit::Content;
    StyleColor color = StyleColor::Style;
    std::uint64_t seed = 0;          ///< of noise
    std::int64_t preview_every = 0;  ///< steps between previews; 0: none
};

/// The preset's options, tuned or as published.
StyleOptions style_recipe(StylePreset preset);

/// The options of a style transfer that people are to choose, each declared once.
const OptionTable<StyleOptions>& style_option_table();

/// Throws Usage, naming the option, before any work.
void validate(const StyleOptions& options);

/// Makes the net's graph what the options ask for: pooling, padding. Throws Usage for a net that is no VGG.
void prepare_graph(Graph& graph, const StyleOptions& options);

/// The nets that pictures are looked at with.
struct StyleNets {
    /// One net alone stands for both tasks.
    StyleNets(FrozenNet& net) : style(net) {}  // NOLINT(google-explicit-constructor)
    StyleNets(FrozenNet& net, FrozenNet* second) : style(net), content(second) {}

    FrozenNet& style;              ///< of a graph that prepare_graph made for the options
    FrozenNet* content = nullptr;  ///< sees the content besides, at `content_network_layers`; its graph as it comes
};

/// Where a net of this architecture says what a picture shows and little of how it is painted: the layers for
/// `content_network_layers`. Empty for one that nobody has tried.
std::vector<LayerWeight> content_layers_of(const std::string& architecture);

/// Which sizes of structure a style is for.
enum class StyleBand { All, Coarse, Fine };

struct StyleSource {
    std::vector<Tensor> images;  ///< [3,H,W] in [0,1]; several: the mean of their statistics
    double weight = 1.0;         ///< relative to the other styles'; > 0. With masks: relative to its area
    StyleBand band = StyleBand::All;
};

/// One picture to be styled. All maps are [1,H,W] in [0,1] and of the content's size; undefined: none.
struct StyleJob {
    Tensor content;             ///< [3,H,W], at the size of the result
    Tensor alpha;               ///< where it is 0 nothing is styled or counted
    Tensor protect;             ///< where it is 1 the content stays to the bit, and does not count
    std::vector<Tensor> masks;  ///< one per style: where it applies; empty: all styles blended everywhere
    Tensor init;                ///< [3,h,w] of any size, instead of the options' start
};

/// Where a run stands: enough to go on to the same bits. Valid during the call that hands it out: clone what is kept.
struct StyleState {
    std::map<std::string, Tensor> tensors;
    std::map<std::string, std::string> notes;  ///< scale, step, tile, loss history
};

/// One step of one scale, for logs.
struct StyleTrace {
    Size size;
    std::int64_t scale = 0;
    std::int64_t step = 0;
    std::map<std::string, double> losses;  ///< "total", "content", "style", "palette", "tv", weighted
};

struct StyleHooks : Hooks {
    std::function<void(const StyleTrace&)> on_trace;  ///< may be empty
    std::function<void(const StyleState&)> on_state;  ///< may be empty: a state after every `state_every` steps
    std::int64_t state_every = 20;                    ///< >= 1; the end of a scale and of a stopped run gives one too
    const StyleState* resume = nullptr;  ///< a state of the same job, net and options; null: from the start
};

/// What a job will take, known before it starts.
struct StylePlan {
    std::vector<Size> scales;         ///< small to full
    std::vector<std::int64_t> steps;  ///< most in each
    std::int64_t peak_bytes = 0;      ///< estimate of the whole process
    std::int64_t tile = 0;            ///< side of the tiles' own parts in the largest scale; 0: whole
    double pixel_steps = 0;           ///< pixels through the net, halos and first passes included, summed over steps
};

struct StyleResult {
    Tensor image;            ///< [3,H,W] in [0,1], the content's size
    std::int64_t steps = 0;  ///< done
    std::int64_t tile = 0;   ///< as planned
    bool cancelled = false;  ///< stopped by the token: the best that was there, brought to the full size
};

/// Holds styles and their targets, which are computed once per scale and shared by all jobs, those of several threads
/// too.
class Stylizer {
  public:
    /// `nets` must outlive the Stylizer. `max_memory` in bytes; 0: no limit. Throws like validate; Usage for a graph
    /// that is not prepared and for a second net without layers; Input for a style below the net's minimum side.
    Stylizer(StyleNets nets, std::vector<StyleSource> styles, StyleOptions options, std::int64_t max_memory = 0);
    ~Stylizer();
    Stylizer(const Stylizer&) = delete;
    Stylizer& operator=(const Stylizer&) = delete;

    /// Throws Input for a side below 16 pixels or the net's minimum, Usage when `max_memory` is too small for one tile,
    /// naming the smallest that works.
    StylePlan plan(Size content) const;

    /// The gradient is computed whole, or exactly in two passes over tiles where the plan says so. Throws like plan;
    /// Usage for other kinds of tensors, values that are not finite, maps of another size, or masks that are not one
    /// per style; Usage when the picture ends as no numbers.
    StyleResult stylize(const StyleJob& job, const StyleHooks& hooks = {});

    /// The same with other nets of the same graphs and weights: several threads may work at once, each with its own.
    /// Where they have as many threads as it would have alone, a job's result is the same to the bit.
    StyleResult stylize(const StyleJob& job, StyleNets nets, const StyleHooks& hooks);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace reverie
