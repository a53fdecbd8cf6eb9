#include <ATen/ATen.h>

#include <algorithm>

#include "core/ceil_div.h"
#include "kernels/square_scheme.h"
#include "models/style_layers.h"
#include "models/style_patch.h"

namespace reverie {
namespace {

using kernels::Kernels;
using kernels::PackedMatrices;
using kernels::Scratch;

constexpr Size kWindowBlock = {16, 96};       // as much as stays in the cache, in whole groups of a product's rows
constexpr Size kTiledBlock = {4 * 6, 6 * 6};  // of Winograd's tiles

/// Addresses of the `rows` rows of a window for `count` windows side by side, a product's rows at a time.
const float* const* window_table(const float* patch, std::int64_t row_floats, int rows, std::int64_t count,
                                 std::int64_t advance, std::int64_t capacity, Scratch& tables) {
    tables.addresses.resize(static_cast<std::size_t>(rows * capacity));
    const float** table = tables.addresses.data();
    for (int row = 0; row < rows; ++row, patch += row_floats) {
        for (std::int64_t i = 0; i < capacity; ++i) {
            *table++ = patch + std::min(i, count - 1) * advance;
        }
    }
    return tables.addresses.data();
}

std::int64_t whole_rows(std::int64_t count, const Kernels& kernels) {
    return ceil_div(count, kernels.rows) * kernels.rows;
}

/// One whose blocks bring together what their windows see and nothing else.
class GatheringLayer : public StyleLayer {
  protected:
    using StyleLayer::StyleLayer;
    /// What outputs see along an axis, beyond the border too.
    virtual Span windows(Span outputs) const = 0;

  private:
    std::int64_t scratch_floats() const final {
        return windows({0, block_.height}).count() * windows({0, block_.width}).count() * inputs_;
    }
};

class WindowLayer final : public GatheringLayer {
  public:
    WindowLayer(const at::Tensor& weight, std::int64_t stride, const Kernels& kernels)
        : GatheringLayer(static_cast<int>(weight.size(1)), static_cast<int>(weight.size(0)), kWindowBlock, kernels),
          side_(static_cast<int>(weight.size(2))),
          stride_(stride) {
        const at::Tensor rows = weight.permute({0, 2, 3, 1}).contiguous();  // [K,k,k,C]
        packed_ =
            PackedMatrices::turned(kernels, rows.const_data_ptr<float>(), rows.numel() / rows.size(0), rows.size(0));
    }

    Size size(Size input) const override { return {ceil_div(input.height, stride_), ceil_div(input.width, stride_)}; }
    Span seen(Span rows, std::int64_t height) const override {
        const Span window = windows(rows);
        return {std::max<std::int64_t>(0, std::min(window.begin, height - 1 - (window.end - height))),
                std::min(height, std::max(window.end, 1 - window.begin))};
    }

  private:
    Span windows(Span outputs) const override {
        const std::int64_t reach = side_ / 2;
        return {outputs.begin * stride_ - reach, (outputs.end - 1) * stride_ + reach + 1};
    }
    void block(const MapRows& from, const MapNorm* norm, Span rows, Span columns, float* out, float* scratch,
               Scratch& tables) const override {
        const Span across = windows(columns);
        gather(from, norm, PatchBorder::Mirrored, windows(rows), across, scratch, kernels_);
        const std::int64_t row_floats = across.count() * inputs_;
        const std::int64_t capacity = whole_rows(columns.count(), kernels_);
        for (std::int64_t y = 0; y < rows.count(); ++y) {
            kernels_.product({.rows = window_table(scratch + y * stride_ * row_floats, row_floats, side_,
                                                   columns.count(), stride_ * inputs_, capacity, tables),
                              .row_capacity = capacity,
                              .count = static_cast<int>(columns.count()),
                              .taps = side_,
                              .depth = side_ * inputs_,
                              .packed = packed_.matrix(0),
                              .packed_taps = side_,
                              .channels = channels_},
                             {.out = out + y * columns.count() * channels_, .out_stride = channels_});
        }
    }

    int side_;
    std::int64_t stride_;
    PackedMatrices packed_;
};

class TiledLayer final : public StyleLayer {
  public:
    TiledLayer(const at::Tensor& weight, const Kernels& kernels)
        : StyleLayer(static_cast<int>(weight.size(1)), static_cast<int>(weight.size(0)), kTiledBlock, kernels),
          scheme_(kernels::kSquareSix),
          transform_(kernels.*scheme_.transform),
          packed_(kernels::square_weights(scheme_, weight, false, kernels)) {}

    Size size(Size input) const override { return input; }
    Span seen(Span, std::int64_t height) const override { return {0, height}; }

  private:
    // Floats between positions: equal places in a cache would push each other out.
    static constexpr std::int64_t kPadding = 16;

    std::int64_t tiles() const { return block_.height / scheme_.step * (block_.width / scheme_.step); }
    Size patch() const { return {block_.height + 2, block_.width + 2}; }
    std::int64_t in_position() const { return tiles() * inputs_ + kPadding; }
    std::int64_t out_position() const { return tiles() * channels_ + kPadding; }

    std::int64_t scratch_floats() const override {
        return patch().height * patch().width * inputs_ + scheme_.positions() * (in_position() + out_position());
    }

    void block(const MapRows& from, const MapNorm* norm, Span rows, Span columns, float* out, float* scratch,
               Scratch& tables) const override {
        const int side = scheme_.side;
        const int step = scheme_.step;
        const std::int64_t down = ceil_div(rows.count(), step);
        const std::int64_t across = ceil_div(columns.count(), step);
        const std::int64_t count = down * across;
        const std::int64_t width = across * step + 2;
        gather(from, norm, PatchBorder::Mirrored, {rows.begin - 1, rows.begin + down * step + 1},
               {columns.begin - 1, columns.begin - 1 + width}, scratch, kernels_);
        float* const in = scratch + patch().height * patch().width * inputs_;
        float* const sums = in + scheme_.positions() * in_position();

        tables.addresses.resize(static_cast<std::size_t>(count * scheme_.positions()));
        tables.pixels.resize(static_cast<std::size_t>(count * step * step));
        const float** address = tables.addresses.data();
        std::int64_t* pixel = tables.pixels.data();
        for (std::int64_t tile = 0; tile < count; ++tile) {
            const std::int64_t y0 = tile / across * step;
            const std::int64_t x0 = tile % across * step;
            for (int i = 0; i < side; ++i) {
                for (int j = 0; j < side; ++j) {
                    *address++ = scratch + ((y0 + i) * width + x0 + j) * inputs_;
                }
            }
            for (int i = 0; i < step; ++i) {
                for (int j = 0; j < step; ++j) {
                    const bool there = y0 + i < rows.count() && x0 + j < columns.count();
                    *pixel++ = there ? (y0 + i) * columns.count() + x0 + j : -1;
                }
            }
        }
        transform_.in({.pixels = tables.addresses.data(),
                       .tiles = static_cast<int>(count),
                       .channels = inputs_,
                       .out = in,
                       .tile_stride = inputs_,
                       .position_stride = in_position()});
        const std::int64_t capacity = whole_rows(count, kernels_);
        for (int position = 0; position < scheme_.positions(); ++position) {
            kernels_.product(
                {.rows = window_table(in + position * in_position(), 0, 1, count, inputs_, capacity, tables),
                 .row_capacity = capacity,
                 .count = static_cast<int>(count),
                 .depth = inputs_,
                 .packed = packed_.matrix(position),
                 .channels = channels_},
                {.out = sums + position * out_position(), .out_stride = channels_});
        }
        transform_.out({.sums = sums,
                        .tile_stride = channels_,
                        .position_stride = out_position(),
                        .tiles = static_cast<int>(count),
                        .channels = channels_,
                        .pixels = tables.pixels.data()},
                       {.out = out, .out_stride = channels_});
    }

    const kernels::SquareScheme& scheme_;
    const kernels::Transform& transform_;
    PackedMatrices packed_;
};

/// Along an axis an output sees two cells, its own and the nearer neighbour, one of them through two weights: w0 and
/// w1 + w2 for the first output of a cell, w0 + w1 and w2 for the second.
class EnlargingLayer final : public GatheringLayer {
  public:
    EnlargingLayer(const at::Tensor& weight, const Kernels& kernels)
        : GatheringLayer(static_cast<int>(weight.size(1)), static_cast<int>(weight.size(0)), kWindowBlock, kernels) {
        const at::Tensor lines = at::tensor({1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0}, at::kDouble)
                                     .view({2, 2, 3});  // [place][cell][weight]
        const at::Tensor wide = at::einsum("kcyx,piy,qjx->pqijck", {weight.to(at::kDouble), lines, lines})
                                    .to(at::kFloat)
                                    .contiguous();  // [2,2,2,2,C,K]
        const auto* const values = wide.const_data_ptr<float>();
        const std::int64_t depth = std::int64_t{4} * inputs_;
        packed_ = {kernels, 4, depth, channels_, [&](std::int64_t place, std::int64_t row, std::int64_t column) {
                       return values[(place * depth + row) * channels_ + column];
                   }};
    }

    Size size(Size input) const override { return {2 * input.height, 2 * input.width}; }
    Span seen(Span rows, std::int64_t height) const override {
        const Span cells = windows(rows);
        return {std::max<std::int64_t>(cells.begin, 0), std::min(cells.end, height)};
    }

  private:
    Span windows(Span outputs) const override { return {outputs.begin / 2 - 1, (outputs.end - 1) / 2 + 2}; }
    void block(const MapRows& from, const MapNorm* norm, Span rows, Span columns, float* out, float* scratch,
               Scratch& tables) const override {
        const Span across = windows(columns);
        gather(from, norm, PatchBorder::Repeated, windows(rows), across, scratch, kernels_);
        const std::int64_t row_floats = across.count() * inputs_;
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
            // The patch begins with the cell before that of the first output.
            const float* const upper = scratch + (y / 2 - rows.begin / 2 + y % 2) * row_floats;
            for (std::int64_t place = 0; place < 2; ++place) {
                // Blocks begin with the first output of a cell.
                const std::int64_t count = (columns.count() - place + 1) / 2;
                if (count == 0) {
                    continue;
                }
                const std::int64_t capacity = whole_rows(count, kernels_);
                tables.pixels.resize(static_cast<std::size_t>(count));
                for (std::int64_t i = 0; i < count; ++i) {
                    tables.pixels[static_cast<std::size_t>(i)] = 2 * i + place;
                }
                kernels_.product(
                    {.rows = window_table(upper + place * inputs_, row_floats, 2, count, inputs_, capacity, tables),
                     .row_capacity = capacity,
                     .count = static_cast<int>(count),
                     .taps = 2,
                     .depth = 2 * inputs_,
                     .packed = packed_.matrix(y % 2 * 2 + place),
                     .packed_taps = 2,
                     .channels = channels_,
                     .pixels = tables.pixels.data()},
                    {.out = out + (y - rows.begin) * columns.count() * channels_, .out_stride = channels_});
            }
        }
    }

    PackedMatrices packed_;
};

}  // namespace

std::unique_ptr<StyleLayer> make_window_layer(const at::Tensor& weight, std::int64_t stride, const Kernels& kernels) {
    return std::make_unique<WindowLayer>(weight, stride, kernels);
}

std::unique_ptr<StyleLayer> make_tiled_layer(const at::Tensor& weight, const Kernels& kernels) {
    return std::make_unique<TiledLayer>(weight, kernels);
}

std::unique_ptr<StyleLayer> make_enlarging_layer(const at::Tensor& weight, const Kernels& kernels) {
    return std::make_unique<EnlargingLayer>(weight, kernels);
}

}  // namespace reverie
