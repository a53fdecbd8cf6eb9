#include "nn/frozen/winograd.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "nn/frozen/packed_matrix.h"
#include "nn/frozen/window_products.h"
#include "nn/window_geometry.h"

namespace reverie::frozen {
namespace {

// G of F(4,3) and of F(4,4), for the points that the kernels' transforms use.
constexpr double kSquare[6][3] = {{1.0 / 4, 0, 0},
                                  {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                  {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                  {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                  {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                  {0, 0, 1}};
constexpr double kLine[7][4] = {{-1.0 / 2, 0, 0, 0},
                                {-1.0 / 3, -1.0 / 3, -1.0 / 3, -1.0 / 3},
                                {1.0 / 9, -1.0 / 9, 1.0 / 9, -1.0 / 9},
                                {1.0 / 36, 1.0 / 18, 1.0 / 9, 2.0 / 9},
                                {-1.0 / 60, 1.0 / 30, -1.0 / 15, 2.0 / 15},
                                {32.0 / 45, 16.0 / 45, 8.0 / 45, 4.0 / 45},
                                {0, 0, 0, 1}};

constexpr std::int64_t kPadding = 16;  // floats between positions: equal places in a cache would push each other out

std::int64_t round_up(std::int64_t n, std::int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// One convolution in one direction as products in the transformed domain; the derived classes know how tiles lie.
class TiledProducts {
  public:
    TiledProducts(const Kernels& kernels, int positions, int outputs_per_tile, int taps)
        : kernels_(kernels), positions_(positions), outputs_per_tile_(outputs_per_tile), taps_(taps) {}

    /// `addresses(tile, table)` fills in a tile's input addresses, `pixels(tile, table)` where its outputs go.
    template <typename Addresses, typename Pixels>
    void run(std::int64_t lines, std::int64_t per_line, int inputs, int outputs, const PackedMatrices& weights,
             const Finish& finish, Workspace& work, const Addresses& addresses, const Pixels& pixels) const;

  private:
    const Kernels& kernels_;
    int positions_, outputs_per_tile_;
    int taps_;  // tiles side by side that a product takes together
};

template <typename Addresses, typename Pixels>
void TiledProducts::run(std::int64_t lines, std::int64_t per_line, int inputs, int outputs,
                        const PackedMatrices& weights, const Finish& finish, Workspace& work,
                        const Addresses& addresses, const Pixels& pixels) const {
    // A block is a run of tiles of outputs. Where products take several tiles of inputs, each line of a block has
    // taps - 1 more of them at its end.
    const bool square = taps_ == 1;
    const std::int64_t tiles = lines * per_line;
    const TileBlock block = tile_block(tiles, inputs, outputs, at::get_num_threads());
    const std::int64_t unit = square ? 1 : per_line;  // blocks of lines are whole lines
    const std::int64_t per_block = std::max(unit, block.tiles / unit * unit);
    const std::int64_t blocks = (tiles + per_block - 1) / per_block;
    const auto inputs_of = [&](std::int64_t count) {
        return square ? count : count / per_line * (per_line + taps_ - 1);
    };
    const std::int64_t in_position = inputs_of(per_block) * inputs + kPadding;
    const std::int64_t out_position = per_block * outputs + kPadding;

    const auto transform_in = [&](std::int64_t block_begin, std::int64_t begin, std::int64_t end, float* in,
                                  Scratch& scratch) {
        // `begin` and `end` count tiles of inputs within the block.
        scratch.addresses.resize(static_cast<std::size_t>((end - begin) * positions_));
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int64_t line = square ? 0 : t / (per_line + taps_ - 1);
            const std::int64_t at = square ? block_begin + t : t % (per_line + taps_ - 1);
            addresses(square ? 0 : block_begin / per_line + line, at,
                      scratch.addresses.data() + (t - begin) * positions_);
        }
        const TilesIn job{.pixels = scratch.addresses.data(),
                          .tiles = static_cast<int>(end - begin),
                          .channels = inputs,
                          .out = in + begin * inputs,
                          .tile_stride = inputs,
                          .position_stride = in_position};
        square ? kernels_.winograd_in(job) : kernels_.line_in(job);
    };
    const auto multiply = [&](std::int64_t position, std::int64_t count, int first_panel, int last_panel,
                              const float* in, float* out, Scratch& scratch) {
        const std::int64_t capacity = round_up(count, kernels_.rows);
        scratch.addresses.resize(static_cast<std::size_t>(capacity * taps_));
        for (std::int64_t t = 0; t < capacity; ++t) {
            const std::int64_t tile = std::min(t, count - 1);
            const std::int64_t from = square ? tile : tile / per_line * (per_line + taps_ - 1) + tile % per_line;
            for (int tap = 0; tap < taps_; ++tap) {
                scratch.addresses[static_cast<std::size_t>(tap * capacity + t)] =
                    in + position * in_position + (from + tap) * inputs;
            }
        }
        kernels_.product({.rows = scratch.addresses.data(),
                          .row_capacity = capacity,
                          .count = static_cast<int>(count),
                          .taps = taps_,
                          .depth = inputs,
                          .packed = weights.matrix(position),
                          .packed_taps = taps_,
                          .channels = outputs,
                          .first_panel = first_panel,
                          .last_panel = last_panel},
                         {.out = out + position * out_position, .out_stride = outputs});
    };
    const auto transform_out = [&](std::int64_t block_begin, std::int64_t begin, std::int64_t end, const float* out,
                                   Scratch& scratch) {
        scratch.pixels.resize(static_cast<std::size_t>((end - begin) * outputs_per_tile_));
        for (std::int64_t t = begin; t < end; ++t) {
            const std::int64_t tile = block_begin + t;
            pixels(square ? 0 : tile / per_line, square ? tile : tile % per_line,
                   scratch.pixels.data() + (t - begin) * outputs_per_tile_);
        }
        const TilesOut job{.sums = out + begin * outputs,
                           .tile_stride = outputs,
                           .position_stride = out_position,
                           .tiles = static_cast<int>(end - begin),
                           .channels = outputs,
                           .pixels = scratch.pixels.data()};
        square ? kernels_.winograd_out(job, finish) : kernels_.line_out(job, finish);
    };

    const std::int64_t floats = positions_ * (in_position + out_position);
    if (!block.shared) {
        work.for_each(blocks, [&](std::int64_t i, Scratch& scratch) {
            const std::int64_t begin = i * per_block;
            const std::int64_t count = std::min(per_block, tiles - begin);
            float* const in = scratch.floats(floats);
            float* const out = in + positions_ * in_position;
            transform_in(begin, 0, inputs_of(count), in, scratch);
            for (std::int64_t position = 0; position < positions_; ++position) {
                multiply(position, count, 0, weights.panels(), in, out, scratch);
            }
            transform_out(begin, 0, count, out, scratch);
        });
        return;
    }
    // Threads share a block: each takes some tiles of the transforms and some positions of the products, so that the
    // weights, which are larger than any cache, are read once a block.
    float* const in = work.shared().floats(floats);
    float* const out = in + positions_ * in_position;
    constexpr std::int64_t kTilesAtOnce = 4;
    for (std::int64_t i = 0; i < blocks; ++i) {
        const std::int64_t begin = i * per_block;
        const std::int64_t count = std::min(per_block, tiles - begin);
        const std::int64_t in_count = inputs_of(count);
        work.for_each((in_count + kTilesAtOnce - 1) / kTilesAtOnce, [&](std::int64_t k, Scratch& scratch) {
            transform_in(begin, k * kTilesAtOnce, std::min((k + 1) * kTilesAtOnce, in_count), in, scratch);
        });
        work.for_each(positions_, [&](std::int64_t position, Scratch& scratch) {
            multiply(position, count, 0, weights.panels(), in, out, scratch);
        });
        work.for_each((count + kTilesAtOnce - 1) / kTilesAtOnce, [&](std::int64_t k, Scratch& scratch) {
            transform_out(begin, k * kTilesAtOnce, std::min((k + 1) * kTilesAtOnce, count), out, scratch);
        });
    }
}

/// A window's coordinate in a line of n: itself, or the nearest with replicated borders, or -1 for zeros.
std::int64_t reached(std::int64_t at, std::int64_t n, bool replicate) {
    if (at >= 0 && at < n) {
        return at;
    }
    return replicate ? std::clamp<std::int64_t>(at, 0, n - 1) : -1;
}

class SquareWinograd final : public Convolution {
  public:
    SquareWinograd(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : window_(node.window),
          inputs_(static_cast<int>(channels)),
          outputs_(static_cast<int>(node.channels)),
          read_(std::move(read)),
          kernels_(kernels),
          products_(kernels, kWinogradInput, kWinogradOutput, 1) {}

    void forward(const Map& input, const Map& output, Finish finish, Workspace& work) override {
        std::call_once(forward_ready_, [this] {
            const NodeWeights weights = read_();
            forward_ = transformed(weights.weight, false);
            bias_ = weights.bias;
        });
        finish.bias = bias_.data_ptr<float>();
        const Margins margins = window_margins(window_, {input.height, input.width});
        tiled(input, output, {margins.top, margins.left}, window_.padding == Padding::Replicate, forward_, finish,
              work);
    }

    void backward(const Map& output, const Map& input, Finish finish, Workspace& work) override {
        std::call_once(backward_ready_, [this] {
            const at::Tensor weight = read_().weight;
            backward_ = transformed(weight, true);
            if (window_.padding == Padding::Replicate) {
                borders_ = std::make_unique<BorderProducts>(weight, kernels_);
            }
        });
        const Margins margins = window_margins(window_, {input.height, input.width});
        tiled(output, input, {2 - margins.top, 2 - margins.left}, false, backward_, finish, work);
        if (borders_ != nullptr) {
            borders_->add(output, input, margins, finish, work);
        }
    }

  private:
    struct Offset {
        std::int64_t top, left;
    };

    PackedMatrices transformed(const at::Tensor& weight, bool turned) const {
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
               Finish finish, Workspace& work) const {
        finish.out = to.data;
        finish.out_stride = to.stride;
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
    ReadWeights read_;
    at::Tensor bias_;
    const Kernels& kernels_;
    TiledProducts products_;
    std::once_flag forward_ready_, backward_ready_;
    PackedMatrices forward_, backward_;
    std::unique_ptr<BorderProducts> borders_;
};

class LineWinograd final : public Convolution {
  public:
    LineWinograd(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : window_(node.window),
          inputs_(static_cast<int>(channels)),
          outputs_(static_cast<int>(node.channels)),
          read_(std::move(read)),
          kernels_(kernels),
          products_(kernels, kLineInput, kLineOutput, 2) {}

    void forward(const Map& input, const Map& output, Finish finish, Workspace& work) override {
        std::call_once(forward_ready_, [this] {
            const NodeWeights weights = read_();
            forward_ = transformed(weights.weight, false);
            bias_ = weights.bias;
        });
        finish.bias = bias_.data_ptr<float>();
        const Margins margins = window_margins(window_, {input.height, input.width});
        tiled(input, output, along_rows() ? margins.left : margins.top, forward_, finish, work);
    }

    void backward(const Map& output, const Map& input, Finish finish, Workspace& work) override {
        std::call_once(backward_ready_, [this] { backward_ = transformed(read_().weight, true); });
        const Margins margins = window_margins(window_, {input.height, input.width});
        tiled(output, input, 6 - (along_rows() ? margins.left : margins.top), backward_, finish, work);
    }

  private:
    bool along_rows() const { return window_.kernel_w == 7; }

    PackedMatrices transformed(const at::Tensor& weight, bool turned) const {
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
        return {kernels_, kLineInput, 2 * rows, turned ? inputs_ : outputs_, value};
    }

    void tiled(const Map& from, const Map& to, std::int64_t offset, const PackedMatrices& weights, Finish finish,
               Workspace& work) const {
        finish.out = to.data;
        finish.out_stride = to.stride;
        // A line's pixels are `step` apart; the lines of an image lie side by side.
        struct Lines {
            std::int64_t count, length, across, step;
        };
        const auto lines_of = [&](const Map& map) {
            return along_rows() ? Lines{map.height, map.width, map.width, 1}
                                : Lines{map.width, map.height, 1, map.width};
        };
        const Lines in = lines_of(from);
        const Lines out = lines_of(to);
        const float* const zeros = work.zeros(from.channels);
        const auto addresses = [&](std::int64_t line, std::int64_t tile, const float** table) {
            const std::int64_t first = line / in.count * from.height * from.width + line % in.count * in.across;
            for (int i = 0; i < kLineInput; ++i) {
                const std::int64_t at = tile * kLineOutput - offset + i;
                table[i] = at < 0 || at >= in.length ? zeros : from.at(first + at * in.step);
            }
        };
        const auto pixels = [&](std::int64_t line, std::int64_t tile, std::int64_t* table) {
            const std::int64_t first = line / out.count * to.height * to.width + line % out.count * out.across;
            for (int i = 0; i < kLineOutput; ++i) {
                const std::int64_t at = tile * kLineOutput + i;
                table[i] = at < out.length ? first + at * out.step : -1;
            }
        };
        products_.run(to.batch * out.count, (out.length + kLineOutput - 1) / kLineOutput, from.channels, to.channels,
                      weights, finish, work, addresses, pixels);
    }

    Window window_;
    int inputs_, outputs_;
    ReadWeights read_;
    at::Tensor bias_;
    const Kernels& kernels_;
    TiledProducts products_;
    std::once_flag forward_ready_, backward_ready_;
    PackedMatrices forward_, backward_;
};

}  // namespace

bool is_square_winograd(const Node& node) {
    const Window& w = node.window;
    return w.kernel_h == 3 && w.kernel_w == 3 && w.stride == 1 && node.groups == 1 && w.pad_h <= 1 && w.pad_w <= 1;
}

bool is_line_winograd(const Node& node) {
    const Window& w = node.window;
    const bool same = w.padding == Padding::Same;  // which pads nothing across the line
    const bool row = w.kernel_h == 1 && w.kernel_w == 7 && (same || w.pad_h == 0);
    const bool column = w.kernel_h == 7 && w.kernel_w == 1 && (same || w.pad_w == 0);
    return (row || column) && w.stride == 1 && node.groups == 1 && w.padding != Padding::Replicate;
}

std::unique_ptr<Convolution> make_square_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                  const Kernels& kernels) {
    return std::make_unique<SquareWinograd>(node, channels, std::move(read), kernels);
}

std::unique_ptr<Convolution> make_line_winograd(const Node& node, std::int64_t channels, ReadWeights read,
                                                const Kernels& kernels) {
    return std::make_unique<LineWinograd>(node, channels, std::move(read), kernels);
}

std::int64_t tiles_bytes(std::int64_t tiles, std::int64_t positions, std::int64_t inputs, std::int64_t outputs) {
    const std::int64_t threads = at::get_num_threads();
    const TileBlock block = tile_block(tiles, inputs, outputs, threads);
    return 4 * positions * block.tiles * (inputs + outputs) * (block.shared ? 1 : threads);
}

TileBlock tile_block(std::int64_t tiles, std::int64_t inputs, std::int64_t outputs, std::int64_t threads) {
    // Few channels: the weights stay in a core's cache and so should a block. Many: the weights come from memory for
    // every block, so blocks are large, and threads share them where there are not enough tiles for each.
    constexpr std::int64_t kSmall = 24;
    constexpr std::int64_t kLarge = 96;
    constexpr std::int64_t kManyWeights = 128 * 256;
    const bool many = inputs * outputs >= kManyWeights;
    const std::int64_t wanted = many ? kLarge : kSmall;
    if (tiles >= threads * wanted) {
        return {wanted, false};
    }
    return {std::min(tiles, 2 * kLarge), threads > 1};
}

}  // namespace reverie::frozen
