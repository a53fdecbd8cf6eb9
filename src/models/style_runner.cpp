#include "models/style_runner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "core/machine.h"
#include "kernels/kernel_choice.h"
#include "kernels/machine.h"

namespace reverie {
namespace {

/// Rows of a map and the memory that they are in.
struct OwnedRows {
    Tensor memory;
    MapRows map;
};

/// Memory for maps, taken again when nobody holds it any more: what comes anew from the system has to be cleared.
class MapMemory {
  public:
    OwnedRows rows_of(Size size, int channels, Span held) {
        const std::int64_t count = held.count() * size.width * channels;
        OwnedRows rows{take(count), {}};
        rows.map = {.data = rows.memory.data_ptr<float>(), .held = held, .size = size, .channels = channels};
        return rows;
    }

    /// Gives back what nobody holds.
    void release() {
        std::erase_if(all_, [](const Tensor& memory) { return memory.use_count() == 1; });
    }

  private:
    Tensor take(std::int64_t count) {
        for (const Tensor& memory : all_) {
            // What is much larger waits for a map that needs it.
            if (memory.use_count() == 1 && memory.numel() >= count && memory.numel() <= 2 * count) {
                return memory;
            }
        }
        all_.push_back(at::empty({count}, at::kFloat));
        return all_.back();
    }

    std::vector<Tensor> all_;
};

/// A map as the next layer gets at it: `rows` are those of a whole map, or made for the asking.
struct Stage {
    Size size;
    std::function<OwnedRows(Span)> rows;
    std::optional<MapNorm> norm = std::nullopt;  ///< still to be done to what `rows` gives

    const MapNorm* pending() const { return norm ? &*norm : nullptr; }
};

/// Weights [K,C,k,k] with channels of zeros up to whole vectors; those of a photo stay three.
Tensor filled(const Tensor& weight, const kernels::Kernels& kernels) {
    const auto more = [&kernels](std::int64_t channels) { return filled_channels(channels, kernels) - channels; };
    const std::int64_t inputs = weight.size(1);
    return at::constant_pad_nd(weight, {0, 0, 0, 0, 0, inputs <= 3 ? 0 : more(inputs), 0, more(weight.size(0))})
        .contiguous();
}

/// Means of the styles' rows by their shares; one style alone is that style to the bit.
std::vector<double> mixed(const std::vector<std::vector<double>>& rows, const std::vector<double>& shares) {
    std::vector<double> mean(rows.front().size());
    for (std::size_t style = 0; style < rows.size(); ++style) {
        for (std::size_t c = 0; shares[style] != 0.0 && c < mean.size(); ++c) {
            mean[c] += shares[style] * rows[style][c];
        }
    }
    return mean;
}

constexpr std::int64_t kStripRows = 128;  // of a map at the photo's size, a multiple of all blocks' rows

struct Stopped {};

}  // namespace

/// One picture on its way through the net.
class StylePass {
  public:
    StylePass(const StyleRunner& net, const Tensor& photo, const std::vector<double>& shares, double strength,
              StyleMemory memory, const Hooks& hooks)
        : net_(net),
          photo_(photo),
          shares_(shares),
          strength_(strength),
          strips_(memory == StyleMemory::Strips),
          hooks_(hooks),
          work_(kernels::this_machine().work),
          total_(net.down_.size() + net.blocks_.size() + net.up_.size() + 1) {}

    Tensor run() {
        const Size size = size_of(photo_);
        Stage stage{size, [this, size](Span rows) {
                        OwnedRows pixels = memory_.rows_of(size, 3, rows);
                        interleave(photo_, rows, pixels.map, work_);
                        return pixels;
                    }};
        std::int64_t strip = kStripRows;
        for (std::size_t i = 0; i < net_.down_.size(); ++i) {
            const bool last = i + 1 == net_.down_.size();
            stage = next(stage, net_.down_[i], strip, last || !strips_);
            strip /= last ? 1 : 2;
        }
        release_if_short();
        stage = trunk(std::move(stage));
        release_if_short();
        for (const StyleRunner::Normed& layer : net_.up_) {
            strip *= 2;
            stage = next(stage, layer, strip, !strips_);
        }
        Tensor picture = at::empty({3, size.height, size.width}, at::kFloat);
        for_each_strip(size.height, strip, [&](Span rows) {
            const OwnedRows seen = stage.rows(net_.output_->seen(rows, stage.size.height));
            net_.output_->run(seen.map, *stage.norm, photo_, rows, net_.adds_input_, strength_, picture, work_);
        });
        return picture;
    }

  private:
    template <typename Task>
    void for_each_strip(std::int64_t height, std::int64_t strip, const Task& task) {
        const std::int64_t rows = strips_ ? strip : height;
        for (std::int64_t begin = 0; begin < height; begin += rows) {
            if (hooks_.cancelled()) {
                throw Stopped();
            }
            task(Span{begin, std::min(begin + rows, height)});
        }
        ++done_;
        hooks_.progress(
            {.stage = "painting", .done = static_cast<double>(done_), .total = static_cast<double>(total_)});
    }

    /// Maps of one part of the net are of no use to the next.
    void release_if_short() {
        if (strips_) {
            memory_.release();
            return_freed_memory();
        }
    }

    MapNorm norm_of(const StyleRunner::Normed& layer, const BlockSums& sums) const {
        return sums.norm(mixed(layer.scales, shares_), mixed(layer.shifts, shares_), layer.relu);
    }

    /// The map behind a layer: its norm is known, and it is kept or can be made again.
    Stage next(const Stage& before, const StyleRunner::Normed& normed, std::int64_t strip, bool keep) {
        const StyleLayer& layer = *normed.layer;
        const Size size = layer.size(before.size);
        BlockSums sums = layer.sums(size);
        const OwnedRows kept = keep ? memory_.rows_of(size, layer.channels(), {0, size.height}) : OwnedRows();
        for_each_strip(size.height, strip, [&](Span rows) {
            const OwnedRows from = before.rows(layer.seen(rows, before.size.height));
            layer.run(from.map, before.pending(), rows, keep ? &kept.map : nullptr, &sums, work_);
        });
        Stage after{size, [kept](Span) { return kept; }, norm_of(normed, sums)};
        if (!keep) {
            after.rows = [this, before, &layer, size](Span rows) {
                const OwnedRows from = before.rows(layer.seen(rows, before.size.height));
                OwnedRows made = memory_.rows_of(size, layer.channels(), rows);
                layer.run(from.map, before.pending(), rows, &made.map, nullptr, work_);
                return made;
            };
        }
        return after;
    }

    /// The residual blocks, on a map that is whole.
    Stage trunk(Stage stage) {
        const OwnedRows x = stage.rows({0, stage.size.height});
        normalize_map(x.map, *stage.norm, nullptr, net_.kernels_, work_);
        stage.norm.reset();
        for (std::size_t i = 0; i + 1 < net_.blocks_.size(); i += 2) {
            const Stage first = next(stage, net_.blocks_[i], stage.size.height, true);
            const Stage second = strips_ ? in_place(first, net_.blocks_[i + 1])
                                         : next(first, net_.blocks_[i + 1], stage.size.height, true);
            normalize_map(second.rows({0, stage.size.height}).map, *second.norm, &x.map, net_.kernels_, work_);
        }
        return stage;
    }

    /// The same as next, into the memory of `before`. The rows that a layer sees above and below stay there until the
    /// band that sees them is done.
    Stage in_place(const Stage& before, const StyleRunner::Normed& normed) {
        const StyleLayer& layer = *normed.layer;
        const OwnedRows map = before.rows({0, before.size.height});
        BlockSums sums = layer.sums(before.size);
        std::optional<OwnedRows> waiting;
        const auto put = [&map](const OwnedRows& band) {
            std::copy_n(band.map.data, band.map.held.count() * band.map.row_floats(), map.map.row(band.map.held.begin));
        };
        for_each_strip(before.size.height, layer.block_rows(), [&](Span rows) {
            OwnedRows band = memory_.rows_of(before.size, layer.channels(), rows);
            layer.run(map.map, before.pending(), rows, &band.map, &sums, work_);
            if (waiting) {
                put(*waiting);
            }
            waiting = std::move(band);
        });
        put(*waiting);
        return {before.size, [map](Span) { return map; }, norm_of(normed, sums)};
    }

    const StyleRunner& net_;
    const Tensor& photo_;
    const std::vector<double>& shares_;
    double strength_;
    bool strips_;
    const Hooks& hooks_;
    kernels::Workspace& work_;
    MapMemory memory_;
    std::size_t total_, done_ = 0;
};

StyleRunner::StyleRunner(const StyleNetWeights& weights)
    : kernels_(kernels::best_kernels()), adds_input_(weights.options.adds_input) {
    const auto rows_of_styles = [&](const std::string& name) {
        const Tensor all = weights.arrays.at(name);
        std::vector<std::vector<double>> rows;
        for (std::int64_t style = 0; style < all.size(0); ++style) {
            const Tensor row = all[style].to(at::kDouble).contiguous();
            rows.emplace_back(row.const_data_ptr<double>(), row.const_data_ptr<double>() + row.numel());
        }
        return rows;
    };
    const auto normed = [&](const std::string& name, bool relu, const auto& make) {
        return Normed{make(filled(weights.arrays.at(name + ".weight"), kernels_)), rows_of_styles(name + ".scale"),
                      rows_of_styles(name + ".shift"), relu};
    };
    for (int i = 0; i < 3; ++i) {
        down_.push_back(normed("down." + std::to_string(i), true, [&](const Tensor& weight) {
            return make_window_layer(weight, i == 0 ? 1 : 2, kernels_);
        }));
    }
    const auto tiled = [&](const Tensor& weight) { return make_tiled_layer(weight, kernels_); };
    for (std::int64_t i = 0; i < weights.options.blocks; ++i) {
        const std::string block = "blocks." + std::to_string(i);
        blocks_.push_back(normed(block + ".conv1", true, tiled));
        blocks_.push_back(normed(block + ".conv2", false, tiled));
    }
    for (int i = 0; i < 2; ++i) {
        up_.push_back(normed("up." + std::to_string(i), true,
                             [&](const Tensor& weight) { return make_enlarging_layer(weight, kernels_); }));
    }
    const Tensor& last = weights.arrays.at("out.weight");
    output_ = std::make_unique<StyleOutput>(
        at::constant_pad_nd(last, {0, 0, 0, 0, 0, filled_channels(last.size(1), kernels_) - last.size(1)}),
        weights.arrays.at("out.bias"), kernels_);
}

std::optional<Tensor> StyleRunner::paint(const Tensor& photo, const std::vector<double>& shares, double strength,
                                         StyleMemory memory, const Hooks& hooks) const {
    try {
        return StylePass(*this, photo, shares, strength, memory, hooks).run();
    } catch (const Stopped&) {
        return std::nullopt;
    }
}

std::int64_t StyleRunner::bytes(Size photo, StyleMemory memory) const {
    const std::int64_t full = photo.height * photo.width * 4;
    const std::int64_t row = photo.width * 4;
    const std::int64_t wide = up_.back().layer->channels();
    const std::int64_t half = up_.front().layer->channels();
    const std::int64_t quarter = down_.back().layer->channels();
    const std::int64_t picture = 3 * full;
    if (memory == StyleMemory::Whole) {  // maps of every kind, kept for the next of its size
        return (wide + 3) * full + half * full / 4 + 3 * quarter * full / 16 + picture;
    }
    const std::int64_t strips = (kStripRows + 16) * row * (wide + half / 2 + 3);
    const std::int64_t bands = 3 * blocks_.front().layer->block_rows() * row / 4 * quarter;
    return std::max(2 * quarter * full / 16 + bands, quarter * full / 16 + strips + picture);
}

}  // namespace reverie
