#include "nn/frozen/window_products.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "core/ceil_div.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/prepared_convolution.h"
#include "nn/frozen/row_windows.h"

namespace reverie::frozen {
namespace {

std::int64_t round_up(std::int64_t n, std::int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/// Cells a product takes together: enough to use each panel of weights well, few enough to give every thread some.
std::int64_t block_of(std::int64_t cells, const Kernels& kernels) {
    constexpr std::int64_t kMost = 96;
    constexpr std::int64_t kPerThread = 4;
    const std::int64_t share = cells / (kPerThread * kernel_threads());
    return round_up(std::clamp<std::int64_t>(share, kernels.rows, kMost), kernels.rows);
}

std::vector<int> indices_of(const Walk& walk) {
    std::vector<int> indices;
    for (const Walk::Tap& tap : walk.taps) {
        indices.push_back(tap.index);
    }
    return indices;
}

/// Weights [K,C,h,w] as one matrix: rows (tap, input), columns the outputs; turned round, rows (tap, output) and
/// columns the inputs.
PackedMatrices packed_taps(const at::Tensor& weight, bool turned, const Kernels& kernels) {
    const float* const w = weight.data_ptr<float>();
    const std::int64_t outputs = weight.size(0);
    const std::int64_t inputs = weight.size(1);
    const std::int64_t taps = weight.size(2) * weight.size(3);
    const std::int64_t depth = turned ? outputs : inputs;
    return {kernels, 1, taps * depth, turned ? inputs : outputs,
            [&](std::int64_t, std::int64_t row, std::int64_t column) {
                const std::int64_t k = turned ? row % depth : column;
                const std::int64_t c = turned ? column : row % depth;
                return w[(k * inputs + c) * taps + row / depth];
            }};
}

/// One walk's products. `depth` numbers at each address, `taps` of them in the packed matrix.
void multiply(const Walk& walk, const Map& from, const Map& to, int depth, int packed_taps_count,
              const PackedMatrices& packed, const Finish& finish, const Kernels& kernels, Workspace& work) {
    const std::vector<int> indices = indices_of(walk);
    const std::int64_t block = block_of(walk.cells() * to.batch, kernels);
    const float* const zeros = work.zeros(depth);
    for_each_block(walk, from, to, block, zeros, work, [&](Scratch& scratch, std::int64_t, int count) {
        kernels.product({.rows = scratch.addresses.data(),
                         .row_capacity = block,
                         .count = count,
                         .taps = static_cast<int>(indices.size()),
                         .depth = depth,
                         .packed = packed.matrix(0),
                         .packed_taps = packed_taps_count,
                         .tap_index = indices.data(),
                         .channels = to.channels,
                         .pixels = scratch.pixels.data()},
                        finish);
    });
}

/// Windows of one cell, row by row.
class PointwiseRows final : public RowWindows {
  public:
    /// `bias` may be null.
    PointwiseRows(const PackedMatrices& weights, const float* bias, int depth, int channels, const Kernels& kernels)
        : weights_(weights), bias_(bias), depth_(depth), channels_(channels), kernels_(kernels) {}

    int channels() const override { return channels_; }
    Range rows_seen(Range rows) const override { return rows; }
    Range columns_seen(Range columns) const override { return columns; }
    void run(const HeldRows& from, std::int64_t y, Range columns, const Finish& finish,
             Scratch& scratch) const override {
        const std::int64_t capacity = round_up(columns.count(), kernels_.rows);
        scratch.addresses.resize(static_cast<std::size_t>(capacity));
        for (std::int64_t k = 0; k < capacity; ++k) {
            scratch.addresses[static_cast<std::size_t>(k)] = from.at(y, std::min(columns.begin + k, columns.end - 1));
        }
        Finish with_bias = finish;
        with_bias.bias = bias_;
        kernels_.product({.rows = scratch.addresses.data(),
                          .row_capacity = capacity,
                          .count = static_cast<int>(columns.count()),
                          .depth = depth_,
                          .packed = weights_.matrix(0),
                          .channels = channels_},
                         with_bias);
    }

  private:
    const PackedMatrices& weights_;
    const float* bias_;
    int depth_, channels_;
    const Kernels& kernels_;
};

class WindowProducts : public PreparedConvolution {
  public:
    WindowProducts(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : PreparedConvolution(std::move(read)),
          window_(node.window),
          inputs_(static_cast<int>(channels)),
          outputs_(static_cast<int>(node.channels)),
          by_rows_(by_rows(node, channels)),
          kernels_(kernels) {}

    std::unique_ptr<RowWindows> rows(Size, bool back) override {
        if (!by_rows_) {
            return nullptr;
        }
        if (back) {
            return std::make_unique<PointwiseRows>(backward_weights(), nullptr, outputs_, inputs_, kernels_);
        }
        const PackedMatrices& weights = forward_weights();
        return std::make_unique<PointwiseRows>(weights, bias(), inputs_, outputs_, kernels_);
    }

  protected:
    PackedMatrices prepare(const at::Tensor& weight, bool turned) override {
        return packed_taps(weight, turned, kernels_);
    }

    void apply(const Map& input, const Map& output, const PackedMatrices& weights, const Finish& finish,
               Workspace& work) const override {
        multiply(forward_walk(window_, {input.height, input.width}, {output.height, output.width}), input, output,
                 input.channels, taps(), weights, finish, kernels_, work);
    }

    void apply_back(const Map& output, const Map& input, const PackedMatrices& weights, const Finish& finish,
                    Workspace& work) const override {
        for (const Walk& walk : backward_walks(window_, {input.height, input.width})) {
            multiply(walk, output, input, output.channels, taps(), weights, finish, kernels_, work);
        }
    }

    const Window window_;
    const int inputs_, outputs_;
    const bool by_rows_;
    const Kernels& kernels_;

  private:
    int taps() const { return static_cast<int>(window_.kernel_h * window_.kernel_w); }
};

/// Windows some cells apart over an input of few channels: the gradients of as many neighbouring columns as the windows
/// are apart fit into one vector, in a wide one those of as many rows too, and one product makes them all. Both are
/// counted with the margin, so that the weights are the same for every size of map.
class FewInputs final : public WindowProducts {
  public:
    FewInputs(const Node& node, std::int64_t channels, ReadWeights read, const Kernels& kernels)
        : WindowProducts(node, channels, std::move(read), kernels),
          rows_(window_.stride * window_.stride * channels <= kernels.width ? window_.stride : 1) {}

    static bool fits(const Node& node, std::int64_t channels) {
        constexpr std::int64_t kNarrowest = 8;  // of all vectors
        return node.window.stride > 1 && node.window.stride * channels <= kNarrowest;
    }

  private:
    /// Windows that see the joined columns at most, and steps from one joined row to the next within a window.
    std::int64_t reach() const { return ceil_div(window_.kernel_w, window_.stride); }
    std::int64_t row_steps() const { return ceil_div(window_.kernel_h, rows_); }
    /// Numbers of one row's joined columns.
    std::int64_t row_length() const { return window_.stride * inputs_; }

    PackedMatrices prepare(const at::Tensor& weight, bool turned) override;
    void apply_back(const Map& output, const Map& input, const PackedMatrices& weights, const Finish& finish,
                    Workspace& work) const override;
    Walk walk_of(std::int64_t y, const Margins& margins, const Map& input) const;
    void finish_columns(const float* sums, const Map& input, std::int64_t pixel, Range columns,
                        const Finish& finish) const;

    const std::int64_t rows_;  ///< joined
};

/// Turned: rows (step within the window, windows back, output), columns (row, column, input).
PackedMatrices FewInputs::prepare(const at::Tensor& weight, bool turned) {
    if (!turned) {
        return WindowProducts::prepare(weight, turned);
    }
    const float* const w = weight.data_ptr<float>();
    const std::int64_t outputs = weight.size(0);
    return {kernels_, 1, row_steps() * reach() * outputs, rows_ * row_length(),
            [&](std::int64_t, std::int64_t row, std::int64_t column) {
                const std::int64_t i = row / outputs / reach() * rows_ + column / row_length();
                const std::int64_t j = row / outputs % reach() * window_.stride + column % row_length() / inputs_;
                const std::int64_t k = row % outputs * inputs_ + column % inputs_;
                const bool inside = i < window_.kernel_h && j < window_.kernel_w;
                return inside ? w[(k * window_.kernel_h + i) * window_.kernel_w + j] : 0.0F;
            }};
}

/// The rows from `y` on that lie alike between the windows; a cell of the walk stands for all that are joined.
Walk FewInputs::walk_of(std::int64_t y, const Margins& margins, const Map& input) const {
    const std::int64_t stride = window_.stride;
    const std::int64_t first = margins.left / stride;
    Walk walk{.y0 = y,
              .x0 = first * stride - margins.left,
              .step = stride,
              .rows = (input.height - 1 - y) / stride + 1,
              .columns = (input.width - 1 + margins.left) / stride - first + 1,
              .taps = {}};
    for (std::int64_t step = row_steps() - 1; step >= 0; --step) {
        const std::int64_t ahead = y + margins.top - step * rows_;
        for (std::int64_t back = reach() - 1; back >= 0 && ahead % stride == 0; --back) {
            walk.taps.push_back({static_cast<int>(step * reach() + back), ahead / stride, first - back});
        }
    }
    return walk;
}

void FewInputs::apply_back(const Map& output, const Map& input, const PackedMatrices& weights, const Finish& finish,
                           Workspace& work) const {
    const Margins margins = window_margins(window_, {input.height, input.width});
    const std::int64_t stride = window_.stride;
    const Range begins =
        rows_ > 1 ? Range{margins.top / stride * stride - margins.top, 1} : Range{0, std::min(stride, input.height)};
    for (std::int64_t y = begins.begin; y < begins.end; y += rows_) {
        const Walk walk = walk_of(y, margins, input);
        const std::vector<int> indices = indices_of(walk);
        const std::int64_t block = block_of(walk.cells() * input.batch, kernels_);
        const float* const zeros = work.zeros(output.channels);
        for_each_block(walk, output, input, block, zeros, work, [&](Scratch& scratch, std::int64_t cell, int count) {
            float* const sums = scratch.floats(block * kernels_.width);  // whole vectors are stored faster
            kernels_.product({.rows = scratch.addresses.data(),
                              .row_capacity = block,
                              .count = count,
                              .taps = static_cast<int>(indices.size()),
                              .depth = output.channels,
                              .packed = weights.matrix(0),
                              .packed_taps = static_cast<int>(row_steps() * reach()),
                              .tap_index = indices.data(),
                              .channels = kernels_.width},
                             {.out = sums, .out_stride = kernels_.width});
            for (std::int64_t r = 0; r < count; ++r) {
                const std::int64_t x = walk.x0 + (cell + r) % walk.columns * walk.step;
                const std::int64_t top = walk.y0 + (cell + r) / walk.columns % walk.rows * walk.step;
                const Range columns{std::max<std::int64_t>(0, -x), std::min(stride, input.width - x)};
                for (std::int64_t i = std::max<std::int64_t>(0, -top); i < std::min(rows_, input.height - top); ++i) {
                    finish_columns(sums + r * kernels_.width + i * row_length(), input,
                                   scratch.pixels[static_cast<std::size_t>(r)] + i * input.width, columns, finish);
                }
            }
        });
    }
}

/// Of joined columns, the first of which is `pixel`, those that exist.
void FewInputs::finish_columns(const float* sums, const Map& input, std::int64_t pixel, Range columns,
                               const Finish& finish) const {
    const bool as_they_are = finish.addend == nullptr && finish.keep == nullptr;
    if (as_they_are && input.stride == inputs_) {
        std::copy(sums + columns.begin * inputs_, sums + columns.end * inputs_, input.at(pixel + columns.begin));
        return;
    }
    kernels_.finish_map(sums + columns.begin * inputs_, inputs_, columns.count(), input.channels,
                        from_pixel(finish, pixel + columns.begin));
}

class FirstConvolution final : public Convolution {
  public:
    FirstConvolution(const Node& node, std::int64_t channels, ReadWeights read, std::unique_ptr<Convolution> back,
                     const Kernels& kernels)
        : window_(node.window),
          channels_(static_cast<int>(channels)),
          read_(std::move(read)),
          back_(std::move(back)),
          kernels_(kernels) {}

    void forward(const Map& input, const Map& output, Finish finish, Workspace& work) override;
    void backward(const Map& output, const Map& input, Finish finish, Workspace& work) override {
        back_->backward(output, input, finish, work);
    }
    std::unique_ptr<RowWindows> rows(Size, bool) override { return nullptr; }

  private:
    /// [rows of the window][cells of a row, channels] by outputs.
    PackedMatrices packed(const at::Tensor& weight) const {
        const at::Tensor rows = weight.permute({0, 2, 3, 1}).contiguous();  // [K,h,w,C]
        const float* const w = rows.data_ptr<float>();
        const std::int64_t length = rows.size(1) * rows.size(2) * rows.size(3);
        return {kernels_, 1, length, rows.size(0),
                [&](std::int64_t, std::int64_t row, std::int64_t column) { return w[column * length + row]; }};
    }

    Window window_;
    int channels_;
    ReadWeights read_;
    at::Tensor bias_;
    std::unique_ptr<Convolution> back_;
    const Kernels& kernels_;
    std::once_flag forward_ready_;
    PackedMatrices forward_;
};

void FirstConvolution::forward(const Map& input, const Map& output, Finish finish, Workspace& work) {
    std::call_once(forward_ready_, [this] {
        const NodeWeights weights = read_();
        forward_ = packed(weights.weight);
        bias_ = weights.bias;
    });
    finish.bias = bias_.data_ptr<float>();
    const Margins m = window_margins(window_, {input.height, input.width});
    const std::int64_t height = input.height + m.top + m.bottom;
    const std::int64_t width = input.width + m.left + m.right;
    const Map padded{.data = work.shared().floats(input.batch * height * width * channels_),
                     .stride = channels_,
                     .batch = input.batch,
                     .height = height,
                     .width = width,
                     .channels = channels_};
    const BorderedMap bordered(input, window_.padding == Padding::Replicate, work.zeros(channels_));
    work.for_each(input.batch * height, [&](std::int64_t row, Scratch& scratch) {
        scratch.addresses.resize(static_cast<std::size_t>(width));
        bordered.row(row / height, row % height - m.top, -m.left, width, 1, scratch.addresses.data());
        for (std::int64_t at = 0; at < width; ++at) {
            std::copy_n(scratch.addresses[static_cast<std::size_t>(at)], channels_, padded.at(row * width + at));
        }
    });
    Walk walk{.rows = output.height, .columns = output.width, .source_step = window_.stride, .taps = {}};
    for (std::int64_t i = 0; i < window_.kernel_h; ++i) {
        walk.taps.push_back({static_cast<int>(i), i, 0});
    }
    multiply(walk, padded, output, static_cast<int>(window_.kernel_w) * channels_, static_cast<int>(window_.kernel_h),
             forward_, into(finish, output), kernels_, work);
}

}  // namespace

std::unique_ptr<Convolution> make_window_products(const Node& node, std::int64_t channels, ReadWeights read,
                                                  const Kernels& kernels) {
    if (FewInputs::fits(node, channels)) {
        return std::make_unique<FewInputs>(node, channels, std::move(read), kernels);
    }
    return std::make_unique<WindowProducts>(node, channels, std::move(read), kernels);
}

std::unique_ptr<Convolution> make_first_convolution(const Node& node, std::int64_t channels, ReadWeights read,
                                                    std::unique_ptr<Convolution> back, const Kernels& kernels) {
    return std::make_unique<FirstConvolution>(node, channels, std::move(read), std::move(back), kernels);
}

BorderProducts::BorderProducts(const at::Tensor& weight, const Kernels& kernels)
    : kernels_(kernels),
      inputs_(static_cast<int>(weight.size(1))),
      outputs_(static_cast<int>(weight.size(0))),
      packed_(packed_taps(weight, true, kernels)) {}

void BorderProducts::add(const Map& output, const Map& input, const Margins& m, Finish finish, Workspace& work) const {
    finish = into(finish, input);
    finish.addend = input.data;
    finish.addend_stride = input.stride;
    // The cell at (y, x) of the ring takes from output (y + top - i, x + left - j) through tap (i, j), and its sum goes
    // to the nearest cell of the input. Sides one after another: they meet in the corners.
    const auto ring = [&](std::int64_t y, std::int64_t rows, std::int64_t x, std::int64_t columns) {
        Walk walk{.y0 = std::clamp<std::int64_t>(y, 0, input.height - 1),
                  .x0 = std::clamp<std::int64_t>(x, 0, input.width - 1),
                  .rows = rows,
                  .columns = columns,
                  .taps = {}};
        for (std::int64_t i = 0; i < 3; ++i) {
            for (std::int64_t j = 0; j < 3; ++j) {
                const std::int64_t dy = y + m.top - i;
                const std::int64_t dx = x + m.left - j;
                if (dy + rows > 0 && dy < output.height && dx + columns > 0 && dx < output.width) {
                    walk.taps.push_back({static_cast<int>(i * 3 + j), dy, dx});
                }
            }
        }
        if (!walk.taps.empty()) {
            multiply(walk, output, input, outputs_, 9, packed_, finish, kernels_, work);
        }
    };
    for (std::int64_t y = -m.top; y < input.height + m.bottom; ++y) {
        const bool outside = y < 0 || y >= input.height;
        if (outside) {
            ring(y, 1, 0, input.width);
        }
        for (std::int64_t x = -m.left; outside && x < input.width + m.right; ++x) {
            if (x < 0 || x >= input.width) {
                ring(y, 1, x, 1);
            }
        }
    }
    for (std::int64_t x = -m.left; x < input.width + m.right; ++x) {
        if (x < 0 || x >= input.width) {
            ring(0, input.height, x, 1);
        }
    }
}

}  // namespace reverie::frozen
