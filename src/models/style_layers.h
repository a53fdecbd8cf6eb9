// Private: the layers of a style net that paints and does not learn, on our own kernels. A layer makes its maps block
// by block: what a block sees is brought together first, with the norm and the ReLU of the layer before, and mirrored
// at the border; sums for the layer's own norm are taken of it while it is in the cache. Blocks lie where the map's
// size puts them, so that no bit depends on the threads, nor on how many rows are made at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/packed_matrix.h"
#include "kernels/workspace.h"
#include "reverie/core/size.h"

namespace reverie {

/// From `begin` up to `end`.
struct Span {
    std::int64_t begin = 0, end = 0;
    std::int64_t count() const { return end - begin; }
};

/// Rows of a channels-last map without gaps, those that are in memory.
struct MapRows {
    float* data = nullptr;  ///< of row `held.begin`
    Span held;
    Size size;  ///< of the whole map
    int channels = 0;

    std::int64_t row_floats() const { return size.width * channels; }
    float* row(std::int64_t y) const { return data + (y - held.begin) * row_floats(); }
};

/// What becomes of a map between two convolutions: scale * x + shift, and 0 where that is below.
struct MapNorm {
    std::vector<float> scale, shift;  ///< by channel
    bool relu = true;
};

/// Sums of a map by channel, one of each block.
class BlockSums {
  public:
    BlockSums(std::int64_t blocks, int channels)
        : channels_(channels),
          parts_(static_cast<std::size_t>(blocks * 3 * channels)),
          counts_(static_cast<std::size_t>(blocks)) {}

    /// Of `pixels` of the block, which lie side by side.
    void take(std::int64_t block, const float* map, std::int64_t pixels, const kernels::Kernels& kernels);
    /// Instance norm (Ulyanov et al. 2016): less the mean, divided by the deviation, times `scale`, plus `shift`.
    /// Added up in float64, in the order of the blocks.
    MapNorm norm(const std::vector<double>& scale, const std::vector<double>& shift, bool relu) const;

  private:
    int channels_;
    std::vector<float> parts_;  // [blocks][origin, sum of x - origin, of its square][channels]
    std::vector<std::int64_t> counts_;
};

class StyleLayer {
  public:
    virtual ~StyleLayer() = default;

    /// Of its output, for an input of that size.
    virtual Size size(Size input) const = 0;
    /// The rows of the input that rows of the output see, for an input of that height.
    virtual Span seen(Span rows, std::int64_t height) const = 0;

    /// Rows of the output, which begin and end where blocks do if there are `sums`. `from` must hold what they see;
    /// `norm` is what comes in between; null: nothing. `to` and `sums` may be null.
    void run(const MapRows& from, const MapNorm* norm, Span rows, const MapRows* to, BlockSums* sums,
             kernels::Workspace& work) const;
    BlockSums sums(Size output) const;

    int channels() const { return channels_; }
    std::int64_t block_rows() const { return block_.height; }

  protected:
    StyleLayer(int inputs, int channels, Size block, const kernels::Kernels& kernels)
        : inputs_(inputs), channels_(channels), block_(block), kernels_(kernels) {}

    /// A rectangle of the output, pixel by pixel without gaps. `scratch` has `scratch_floats` beside it.
    virtual void block(const MapRows& from, const MapNorm* norm, Span rows, Span columns, float* out, float* scratch,
                       kernels::Scratch& tables) const = 0;
    virtual std::int64_t scratch_floats() const = 0;

    int inputs_, channels_;
    Size block_;
    const kernels::Kernels& kernels_;
};

/// `channels` filled up with zeros to whole vectors, as all maps in between have them.
int filled_channels(std::int64_t channels, const kernels::Kernels& kernels);

/// A window of `weight` [K,C,k,k] with that stride, mirrored at the border. `weight` has the filled channels.
std::unique_ptr<StyleLayer> make_window_layer(const at::Tensor& weight, std::int64_t stride,
                                              const kernels::Kernels& kernels);
/// 3x3 of stride 1 by Winograd's F(6x6,3x3).
std::unique_ptr<StyleLayer> make_tiled_layer(const at::Tensor& weight, const kernels::Kernels& kernels);
/// Enlarged twice by nearest cells, then 3x3: four windows of 2x2 whose weights are sums, one for each place of an
/// output relative to the cell that it lies in. Mirroring the enlarged map's border is repeating that of the small one.
std::unique_ptr<StyleLayer> make_enlarging_layer(const at::Tensor& weight, const kernels::Kernels& kernels);

/// The last convolution: a window of `weight` [3,C,k,k], and what becomes of a picture by it.
class StyleOutput {
  public:
    /// `bias` [3].
    StyleOutput(const at::Tensor& weight, const at::Tensor& bias, const kernels::Kernels& kernels);

    /// Rows of the picture [3,H,W], which is the upper left part of the map: photo + strength * x where
    /// `adds_input`, else photo + strength * (x - photo).
    void run(const MapRows& from, const MapNorm& norm, const at::Tensor& photo, Span rows, bool adds_input,
             double strength, const at::Tensor& picture, kernels::Workspace& work) const;
    Span seen(Span rows, std::int64_t height) const;

  private:
    int inputs_, side_;
    kernels::PackedMatrices packed_;
    float bias_[3];
    const kernels::Kernels& kernels_;
};

/// A photo [3,H,W] as a map that the first layer sees. Rows `rows` of it.
void interleave(const at::Tensor& photo, Span rows, const MapRows& to, kernels::Workspace& work);

/// map = norm(map), or addend + norm(map) into the addend.
void normalize_map(const MapRows& map, const MapNorm& norm, const MapRows* addend, const kernels::Kernels& kernels,
                   kernels::Workspace& work);

}  // namespace reverie
