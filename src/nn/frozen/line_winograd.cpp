#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/tiled_products.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/prepared_convolution.h"
#include "nn/frozen/winograd.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

// G of F(4,4), for the points that the kernels' transforms use.
constexpr double kLine[7][4] = {{-1.0 / 2, 0, 0, 0},
                                {-1.0 / 3, -1.0 / 3, -1.0 / 3, -1.0 / 3},
                                {1.0 / 9, -1.0 / 9, 1.0 / 9, -1.0 / 9},
                                {1.0 / 36, 1.0 / 18, 1.0 / 9, 2.0 / 9},
                                {-1.0 / 60, 1.0 / 30, -1.0 / 15, 2.0 / 15},
                                {32.0 / 45, 16.0 / 45, 8.0 / 45, 4.0 / 45},
                                {0, 0, 0, 1}};

class LineWinograd final : public PreparedConvolution {
  public:
    LineWinograd(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : PreparedConvolution(std::move(read)),
          window_(node.window),
          inputs_(static_cast<int>(channels)),
          outputs_(static_cast<int>(node.channels)),
          kernels_(kernels),
          products_(kernels, kernels.line4, 2) {}

  private:
    bool along_rows() const { return window_.kernel_w == 7; }

    std::int64_t margin(const Map& input) const {
        const Margins margins = window_margins(window_, {input.height, input.width});
        return along_rows() ? margins.left : margins.top;
    }

    void apply(const Map& input, const Map& output, const PackedMatrices& weights, const Finish& finish,
               Workspace& work) const override {
        tiled(input, output, margin(input), weights, finish, work);
    }

    void apply_back(const Map& output, const Map& input, const PackedMatrices& weights, const Finish& finish,
                    Workspace& work) const override {
        tiled(output, input, 6 - margin(input), weights, finish, work);
    }

    PackedMatrices prepare(const at::Tensor& weight, bool turned) override {
        const float* const w = weight.data_ptr<float>();
        const std::int64_t rows = turned ? outputs_ : inputs_;  // of one half
        const auto value = [&](std::int64_t position, std::int64_t row, std::int64_t column) {
            const std::int64_t half = row / rows;
            const std::int64_t from = row % rows;
            const float* const kernel = w + (turned ? from * inputs_ + column : column * inputs_ + from) * 7;
            double sum = 0.0;
            for (std::int64_t i = 0; i < 4 && half * 4 + i < 7; ++i) {
                const std::int64_t tap = half * 4 + i;
                sum += kLine[position][i] * kernel[turned ? 6 - tap : tap];
            }
            return static_cast<float>(sum);
        };
        return {kernels_, kLinePositions, 2 * rows, turned ? inputs_ : outputs_, value};
    }

    void tiled(const Map& from, const Map& to, std::int64_t offset, const PackedMatrices& weights, const Finish& finish,
               Workspace& work) const {
        // A line's pixels are `step` apart; the lines of an image lie side by side.
        struct Lines {
            std::int64_t count, length, across, step;
        };
        const Lines out =
            along_rows() ? Lines{to.height, to.width, to.width, 1} : Lines{to.width, to.height, 1, to.width};
        const BorderedMap bordered(from, /*replicate=*/false, work.zeros(from.channels));
        const auto addresses = [&](std::int64_t line, std::int64_t tile, const float** table) {
            const std::int64_t image = line / out.count;
            const std::int64_t at = tile * kLineOutputs - offset;
            if (along_rows()) {
                bordered.row(image, line % out.count, at, kLinePositions, 1, table);
            } else {
                bordered.column(image, at, line % out.count, kLinePositions, table);
            }
        };
        const auto pixels = [&](std::int64_t line, std::int64_t tile, std::int64_t* table) {
            const std::int64_t first = line / out.count * to.height * to.width + line % out.count * out.across;
            for (int i = 0; i < kLineOutputs; ++i) {
                const std::int64_t at = tile * kLineOutputs + i;
                table[i] = at < out.length ? first + at * out.step : -1;
            }
        };
        products_.run(to.batch * out.count, (out.length + kLineOutputs - 1) / kLineOutputs, from.channels, to.channels,
                      weights, finish, work, addresses, pixels);
    }

    Window window_;
    int inputs_, outputs_;
    const Kernels& kernels_;
    kernels::TiledProducts products_;
};

}  // namespace

bool is_line_winograd(const Node& node) {
    const Window& w = node.window;
    const bool same = w.padding == Padding::Same;  // which pads nothing across the line
    const bool row = w.kernel_h == 1 && w.kernel_w == 7 && (same || w.pad_h == 0);
    const bool column = w.kernel_h == 7 && w.kernel_w == 1 && (same || w.pad_w == 0);
    return (row || column) && w.stride == 1 && node.groups == 1 && w.padding != Padding::Replicate;
}

std::unique_ptr<Convolution> make_line_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                const Kernels& kernels) {
    return std::make_unique<LineWinograd>(node, channels, std::move(read), kernels);
}

}  // namespace reverie::frozen
