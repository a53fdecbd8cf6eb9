#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "nn/frozen/prepared_convolution.h"
#include "nn/frozen/tiled_products.h"
#include "nn/frozen/window_products.h"
#include "nn/frozen/winograd.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

// G of F(4,3), for the points that the kernels' transforms use.
constexpr double kSquare[6][3] = {{1.0 / 4, 0, 0},
                                  {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                  {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                  {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                  {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                  {0, 0, 1}};

/// A window's coordinate in a line of n: itself, or the nearest with replicated borders, or -1 for zeros.
std::int64_t reached(std::int64_t at, std::int64_t n, bool replicate) {
    if (at >= 0 && at < n) {
        return at;
    }
    return replicate ? std::clamp<std::int64_t>(at, 0, n - 1) : -1;
}

class SquareWinograd final : public PreparedConvolution {
  public:
    SquareWinograd(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : PreparedConvolution(std::move(read)),
          window_(node.window),
          inputs_(static_cast<int>(channels)),
          outputs_(static_cast<int>(node.channels)),
          kernels_(kernels),
          products_(kernels, kWinogradInput, kWinogradOutput, 1) {}

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
        const float* const w = weight.data_ptr<float>();
        const std::int64_t inputs = inputs_;
        double factors[kWinogradInput][9];
        for (int i = 0; i < 6; ++i) {
            for (int j = 0; j < 6; ++j) {
                for (int y = 0; y < 3; ++y) {
                    for (int x = 0; x < 3; ++x) {
                        // turned by half a turn: what the gradient meets
                        factors[i * 6 + j][turned ? 8 - (y * 3 + x) : y * 3 + x] = kSquare[i][y] * kSquare[j][x];
                    }
                }
            }
        }
        const auto value = [&](std::int64_t position, std::int64_t input, std::int64_t output) {
            const float* const kernel = w + (output * inputs + input) * 9;
            const double* const factor = factors[position];
            double sum = 0.0;
            for (int i = 0; i < 9; ++i) {
                sum += factor[i] * kernel[i];
            }
            return static_cast<float>(sum);
        };
        if (turned) {
            return {kernels_, kWinogradInput, outputs_, inputs_,
                    [&](std::int64_t p, std::int64_t row, std::int64_t column) { return value(p, column, row); }};
        }
        return {kernels_, kWinogradInput, inputs_, outputs_, value};
    }

    void tiled(const Map& from, const Map& to, Offset offset, bool replicate, const PackedMatrices& weights,
               const Finish& finish, Workspace& work) const {
        const std::int64_t rows = (to.height + 3) / 4;
        const std::int64_t columns = (to.width + 3) / 4;
        const float* const zeros = work.zeros(from.channels);
        const auto addresses = [&](std::int64_t, std::int64_t tile, const float** table) {
            const std::int64_t image = tile / (rows * columns);
            const std::int64_t y0 = tile / columns % rows * 4 - offset.top;
            const std::int64_t x0 = tile % columns * 4 - offset.left;
            const float* const first = from.at(image * from.height * from.width);
            if (y0 >= 0 && x0 >= 0 && y0 + 6 <= from.height && x0 + 6 <= from.width) {
                for (int i = 0; i < 6; ++i) {
                    const float* const row = first + ((y0 + i) * from.width + x0) * from.stride;
                    for (int j = 0; j < 6; ++j) {
                        table[i * 6 + j] = row + j * from.stride;
                    }
                }
                return;
            }
            for (int i = 0; i < 6; ++i) {
                const std::int64_t y = reached(y0 + i, from.height, replicate);
                for (int j = 0; j < 6; ++j) {
                    const std::int64_t x = reached(x0 + j, from.width, replicate);
                    table[i * 6 + j] = y < 0 || x < 0 ? zeros : first + (y * from.width + x) * from.stride;
                }
            }
        };
        const auto pixels = [&](std::int64_t, std::int64_t tile, std::int64_t* table) {
            const std::int64_t image = tile / (rows * columns);
            const std::int64_t y0 = tile / columns % rows * 4;
            const std::int64_t x0 = tile % columns * 4;
            for (int i = 0; i < 4; ++i) {
                for (int j = 0; j < 4; ++j) {
                    table[i * 4 + j] =
                        y0 + i < to.height && x0 + j < to.width ? (image * to.height + y0 + i) * to.width + x0 + j : -1;
                }
            }
        };
        products_.run(1, to.batch * rows * columns, from.channels, to.channels, weights, finish, work, addresses,
                      pixels);
    }

    Window window_;
    int inputs_, outputs_;
    const Kernels& kernels_;
    TiledProducts products_;
    std::unique_ptr<BorderProducts> borders_;
};

}  // namespace

bool is_square_winograd(const Node& node) {
    const Window& w = node.window;
    return w.kernel_h == 3 && w.kernel_w == 3 && w.stride == 1 && node.groups == 1 && w.pad_h <= 1 && w.pad_w <= 1;
}

std::unique_ptr<Convolution> make_square_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                  const Kernels& kernels) {
    return std::make_unique<SquareWinograd>(node, channels, std::move(read), kernels);
}

}  // namespace reverie::frozen
