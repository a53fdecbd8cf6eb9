#include <ATen/ATen.h>

#include <memory>
#include <utility>

#include "kernels/square_scheme.h"
#include "kernels/tiled_products.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/prepared_convolution.h"
#include "nn/frozen/window_products.h"
#include "nn/frozen/winograd.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

using kernels::kSquareFour;
using kernels::kSquareSix;
using kernels::SquareScheme;

/// 6x6 needs a fifth fewer products than 4x4, but 64 transformed weights instead of 36 for each 9, which have to come
/// from memory for every block of tiles: right where channels are few and maps, in every net so far, large.
const SquareScheme& scheme_of(std::int64_t inputs, std::int64_t outputs) {
    constexpr std::int64_t kFew = 256 * 256;
    return inputs * outputs <= kFew ? kSquareSix : kSquareFour;
}

class SquareWinograd final : public PreparedConvolution {
  public:
    SquareWinograd(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : PreparedConvolution(std::move(read)),
          window_(node.window),
          kernels_(kernels),
          scheme_(scheme_of(channels, node.channels)),
          products_(kernels, kernels.*scheme_.transform, 1) {}

  private:
    struct Offset {
        std::int64_t top, left;
    };

    void apply(const Map& input, const Map& output, const PackedMatrices& weights, const Finish& finish,
               Workspace& work) const override {
        const Margins margins = window_margins(window_, {input.height, input.width});
        tiled(input, output, {margins.top, margins.left}, window_.padding == Padding::Replicate, weights, finish, work);
    }

    void apply_back(const Map& output, const Map& input, const PackedMatrices& weights, const Finish& finish,
                    Workspace& work) const override {
        const Margins margins = window_margins(window_, {input.height, input.width});
        tiled(output, input, {2 - margins.top, 2 - margins.left}, false, weights, finish, work);
        if (borders_ != nullptr) {
            borders_->add(output, input, margins, finish, work);
        }
    }

    PackedMatrices prepare(const at::Tensor& weight, bool turned) override {
        if (turned && window_.padding == Padding::Replicate) {
            borders_ = std::make_unique<BorderProducts>(weight, kernels_);
        }
        return kernels::square_weights(scheme_, weight, turned, kernels_);
    }

    void tiled(const Map& from, const Map& to, Offset offset, bool replicate, const PackedMatrices& weights,
               const Finish& finish, Workspace& work) const {
        const int side = scheme_.side;
        const int step = scheme_.step;
        const std::int64_t rows = (to.height + step - 1) / step;
        const std::int64_t columns = (to.width + step - 1) / step;
        const BorderedMap bordered(from, replicate, work.zeros(from.channels));
        const auto addresses = [&](std::int64_t, std::int64_t tile, const float** table) {
            const std::int64_t image = tile / (rows * columns);
            const std::int64_t y0 = tile / columns % rows * step - offset.top;
            const std::int64_t x0 = tile % columns * step - offset.left;
            for (int i = 0; i < side; ++i) {
                bordered.row(image, y0 + i, x0, side, 1, table + i * side);
            }
        };
        const auto pixels = [&](std::int64_t, std::int64_t tile, std::int64_t* table) {
            const std::int64_t image = tile / (rows * columns);
            const std::int64_t y0 = tile / columns % rows * step;
            const std::int64_t x0 = tile % columns * step;
            for (int i = 0; i < step; ++i) {
                for (int j = 0; j < step; ++j) {
                    table[i * step + j] =
                        y0 + i < to.height && x0 + j < to.width ? (image * to.height + y0 + i) * to.width + x0 + j : -1;
                }
            }
        };
        products_.run(1, to.batch * rows * columns, from.channels, to.channels, weights, finish, work, addresses,
                      pixels);
    }

    Window window_;
    const Kernels& kernels_;
    const SquareScheme& scheme_;
    kernels::TiledProducts products_;
    std::unique_ptr<BorderProducts> borders_;
};

}  // namespace

bool is_square_winograd(const Node& node) {
    const Window& w = node.window;
    return w.kernel_h == 3 && w.kernel_w == 3 && w.stride == 1 && node.groups == 1 && w.pad_h <= 1 && w.pad_w <= 1;
}

int square_positions(std::int64_t inputs, std::int64_t outputs) {
    const int side = scheme_of(inputs, outputs).side;
    return side * side;
}

std::int64_t square_tiles(Size output, std::int64_t inputs, std::int64_t outputs) {
    const std::int64_t step = scheme_of(inputs, outputs).step;
    return (output.height + step - 1) / step * ((output.width + step - 1) / step);
}

std::unique_ptr<Convolution> make_square_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                  const Kernels& kernels) {
    return std::make_unique<SquareWinograd>(node, channels, std::move(read), kernels);
}

}  // namespace reverie::frozen
