// Fast style transfer: a small net learns a style once and then paints any photo in one pass. It is trained by the very
// objective that style transfer minimises picture by picture, seen through the same frozen nets. Johnson, Alahi,
// Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution (2016); several styles in one net:
// Dumoulin, Shlens, Kudlur: A Learned Representation for Artistic Style (2017).
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reverie/core/option_table.h"
#include "reverie/models/style_net.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/techniques/style.h"
#include "reverie/train/loop.h"
#include "reverie/train/task.h"

namespace reverie {

struct FastStyleOptions {
    StyleNetOptions net;
    StyleOptions style;  ///< the objective; of Reverie's formulas, for styles as they come and at full strength
    OptimizerOptions optimizer;
    std::int64_t side = 256;    ///< of the pictures trained on at the end; the first ones have half of it
    double least_crop = 0.3;    ///< a picture shows a square of the photo whose side is at least this share of it
    double drawn = 0.1;         ///< share of the pictures that are no photos: flat, shaded or noisy
    double plain = 0.15;        ///< share of the photos that are shown with a plain part
    double tone = 0.05;         ///< weight of 1 - the correlation of the photo's and the picture's coarse lightness
    double lattice = 100.0;     ///< weight of `lattice_cost`
    double style_warmup = 0.1;  ///< share of the planned steps over which styles come to count in full
    bool adds_styles = false;   ///< only the norm values of the last styles learn: all else stays, to the bit
};

/// The default: net, objective, optimiser, batch, steps, schedule, averaging.
struct FastStyleRecipe {
    FastStyleOptions options;
    TrainOptions training;
};
FastStyleRecipe fast_style_recipe();

/// The options of fast style that people are to choose, each declared once.
const OptionTable<FastStyleOptions>& fast_style_option_table();

/// Throws Usage, naming the option.
void validate(const FastStyleOptions& options);

/// The photo as step after step shows it, [3,S,S] in [0,1] -> [3,side,side]: a square of it, turned left to right or
/// not, with other light and colours; or no photo at all. A function of (seed, number) alone.
Tensor training_picture(const Tensor& photo, std::int64_t side, const FastStyleOptions& options, std::uint64_t seed,
                        std::int64_t number);

/// What is judged of a painted picture, [3,S+7,S+7] -> [3,S,S]: a square at one of `kJudgedPlaces` places along each
/// axis, a function of (seed, number) alone. The judging nets' poolings and the painting net's enlargements both have
/// grids of 2, 4 and 8 pixels; where one always lay the same way on the other, more lattices of dots were learnt.
inline constexpr std::int64_t kJudgedPlaces = 8;
Tensor judged_part(const Tensor& picture, std::uint64_t seed, std::int64_t number);

/// What all squares of 8x8 pixels of a picture [3,H,W] have in common, less its mean: [3,8,8], near 0 for photos. Lines
/// and dots at distances of 2, 4 and 8 pixels that always lie the same way are there, which a net's grids leave.
Tensor lattice_of(const Tensor& picture);

/// What lattices cost, differentiable: the mean square of `lattice_of`, and for those of single places the same of each
/// window of 64x64 pixels as a share of its squares' variance, 1e-3 times the mean share. (1/64 for any texture, so
/// that strokes cost nothing; 1 where there is nothing but a lattice, however faint.)
Tensor lattice_cost(const Tensor& picture);

/// The pictures' side at a step: first a half of the options', then three quarters, then all of it.
std::int64_t side_at(const FastStyleOptions& options, std::int64_t step, std::int64_t total);

/// A trained net as a file holds it; without tensors: none.
struct StyleNetWeights {
    StyleNetOptions options;
    NamedTensors tensors;
};

/// What a net is taught with.
struct FastStyleTeacher {
    std::shared_ptr<FrozenNet> style;          ///< of a graph that prepare_graph made for the options
    std::shared_ptr<FrozenNet> content;        ///< sees the content besides; may be null
    std::map<std::string, std::string> notes;  ///< which nets these are: goes into the weights' notes
};

/// Trains. Logs style, content, palette, tone, lattice.
class FastStyleTask : public TrainTask {
  public:
    /// `styles`: of the net's last so many, the others being no longer learnt. `start`: weights to begin from
    /// (--init-from), else empty: of a net of the same widths with any styles; norm values of styles that it does not
    /// have begin as the mean of its own. `shown` [N,3,S,S] (may be undefined): photos for previews. Throws Usage,
    /// Input.
    FastStyleTask(const FastStyleOptions& options, std::vector<StyleSource> styles, FastStyleTeacher teacher,
                  std::uint64_t seed, const StyleNetWeights& start, const Tensor& shown);
    ~FastStyleTask() override;
    std::vector<Phase> phases() override;
    void begin_as_later() override;  ///< sizes of pictures change every step
    NamedTensors state() override;
    NamedTensors averaged() override;
    std::map<std::string, std::string> metadata() const override;
    /// Photos in [0,1] at full side, painted and held to [0,1]: ratio (the objective's value as a share of the
    /// untouched photo's: the metric), loss, style, content, palette; each photo in one style or, where styles are
    /// more, in several. Throws Cancelled.
    Scalars validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) override;
    std::string metric() const override { return "ratio"; }
    Tensor preview() override;
    std::vector<ReportPicture> pictures(const Tensor& reals) override;
    std::int64_t parameters() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace reverie
