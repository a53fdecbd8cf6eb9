#include "techniques/style/style_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "reverie/core/parallel.h"
#include "reverie/image/resample.h"
#include "reverie/optimize/total_variation.h"
#include "techniques/style/style_formula.h"
#include "techniques/style/style_plan.h"
#include "techniques/style/style_tiles.h"

namespace reverie {
namespace {

constexpr double kRidge = 1e-4;          // of covariances, as crowsonkb's
constexpr std::int64_t kBand = 1 << 20;  // pixels looked at together in the palette

/// A tap with its place in the picture.
struct Layer {
    std::string tap;
    std::int64_t stride = 1;
    Size cells;  // over the whole picture
    std::int64_t channels = 0;
    double weight = 0.0;  // with the formula's factor
};

std::vector<Layer> layers_of(const FrozenNet& net, const std::vector<LayerWeight>& asked, Size picture, bool shares) {
    const std::vector<Size> sizes = sizes_of(net.graph(), picture);
    double sum = 0.0;
    for (const LayerWeight& layer : asked) {
        sum += layer.weight;
    }
    std::vector<Layer> layers;
    for (const LayerWeight& one : asked) {
        const int node = find_tap(net.graph(), one.tap);
        const Tap tap = tap_of(net, one.tap);
        layers.push_back({one.tap, tap.stride, sizes[static_cast<std::size_t>(node)], tap.channels,
                          shares ? one.weight / sum : one.weight});
    }
    return layers;
}

/// A mask brought down to a layer's cells, each the mean of its own pixels (the last few rows and columns of an odd
/// side have no cell), and a tile's own part of it as weights of rows; undefined stays so.
Tensor cell_weights(const Tensor& mask, const Layer& layer) {
    return mask.defined() ? resize(mask.narrow(1, 0, layer.cells.height * layer.stride)
                                       .narrow(2, 0, layer.cells.width * layer.stride),
                                   layer.cells, Resample::Area)
                                .clamp(0.0, 1.0)
                          : Tensor();
}
Tensor own_weights(const Tensor& weights, const CellSpan& rows, const CellSpan& columns) {
    return weights.defined()
               ? weights.narrow(1, rows.begin, rows.count).narrow(2, columns.begin, columns.count).reshape({-1})
               : Tensor();
}

/// A layer's features in one tile.
struct OwnFeatures {
    CellSpan rows, columns;
    Tensor values;  // [1,C,h,w]
    bool empty() const { return rows.count == 0 || columns.count == 0; }
};
OwnFeatures own_features(const Features& features, const Layer& layer, const StyleTile& tile) {
    OwnFeatures own{own_cells(tile.rows, layer.stride, layer.cells.height),
                    own_cells(tile.columns, layer.stride, layer.cells.width),
                    {}};
    if (!own.empty()) {
        own.values = own_part(features.at(layer.tap), own.rows, own.columns);
    }
    return own;
}

/// Pixels [3,H,W] in bands of rows: visit(rows [n,3], first row, rows of the band).
template <typename Visit>
void for_each_band(const Tensor& image, const Visit& visit) {
    const std::int64_t height = image.size(1);
    const std::int64_t step = std::max<std::int64_t>(1, kBand / image.size(2));
    for (std::int64_t y = 0; y < height; y += step) {
        const std::int64_t count = std::min(step, height - y);
        visit(image.narrow(1, y, count).permute({1, 2, 0}).reshape({-1, 3}), y, count);
    }
}
Tensor band_weights(const Tensor& mask, std::int64_t y, std::int64_t count) {
    return mask.defined() ? mask.narrow(1, y, count).reshape({-1}) : Tensor();
}

Moments pixel_moments(const Tensor& image, const Tensor& mask) {
    Moments moments;
    for_each_band(image, [&](const Tensor& rows, std::int64_t y, std::int64_t count) {
        moments.add(rows, band_weights(mask, y, count));
    });
    return moments.means();
}

/// 1 / root mean square of what has these means.
double inverse_rms(const Moments& means) {
    const double power = means.second.diagonal().mean().item<double>();
    constexpr double kTiny = 1e-20;
    return power > kTiny ? 1.0 / std::sqrt(power) : 1.0;
}

}  // namespace

StyleMoments measure_style(FrozenNet& net, const StyleOptions& options, const Tensor& image, const Tensor& mask,
                           std::int64_t tile) {
    const c10::NoGradGuard no_grad;
    const std::vector<std::string> taps = taps_of(options.style_layers);
    const std::vector<Layer> layers = layers_of(net, options.style_layers, size_of(image), false);
    std::vector<Tensor> weights;
    for (const Layer& layer : layers) {
        weights.push_back(cell_weights(mask, layer));
    }
    StyleMoments moments;
    moments.layers.resize(layers.size());
    for (const StyleTile& one : TileGeometry(net, taps).tiles(size_of(image), tile)) {
        const Features features = net.forward(one.patch_of(image), taps, /*keep_for_backward=*/false);
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const OwnFeatures own = own_features(features, layers[l], one);
            if (!own.empty()) {
                moments.layers[l].add(rows_of(own.values), own_weights(weights[l], own.rows, own.columns));
            }
        }
    }
    for (Moments& layer : moments.layers) {
        layer = layer.means();
    }
    if (options.palette > 0.0) {
        moments.pixels = pixel_moments(image, mask);
    }
    return moments;
}

struct StyleObjective::State {
    /// A style layer or the pixels, in one region.
    struct Goal {
        Tensor weights;  // of the layer's cells [1,h,w], or of the pixels; undefined: all 1
        double share = 0.0;
        StyleTarget target;
        Moments sums;
        StyleDistance distance;
        std::map<std::int64_t, double> weight_sums = {};  // by tile or band: read back from the device once

        void add(const Tensor& rows, const Tensor& own, std::int64_t part) {
            const auto [sum, is_new] = weight_sums.try_emplace(part, static_cast<double>(rows.size(0)));
            if (is_new && own.defined()) {
                sum->second = own.sum(at::kDouble).item<double>();
            }
            sums.add(rows, own, sum->second);
        }
    };
    struct ContentLayer {
        Layer layer;
        Tensor target;   // [1,C,h,w]
        Tensor weights;  // [1,h,w]; undefined: all 1
        double factor = 0.0;
    };

    FrozenNet& net;
    const StyleOptions& options;
    Size picture;
    std::vector<std::string> style_taps, taps;
    std::vector<StyleTile> tiles;
    std::vector<Layer> layers;
    std::vector<std::vector<Goal>> goals;  // by style layer, then region
    std::vector<Goal> palette;             // by region
    std::vector<ContentLayer> contents;

    // of the last value
    Tensor style_loss, content_loss, palette_loss, tv_loss;

    void add_regions(const std::vector<StyleRegion>& regions);
    void add_contents(const Tensor& content, const Tensor& counted);
    void add_sums(const Features& features, const StyleTile& tile, std::int64_t number);
    void take_distances();
    Features seeds(Features features, const StyleTile& tile);
    void add_palette(const Tensor& image, Tensor& gradient);
    void add_variation(const Tensor& image, Tensor& gradient);
};

void StyleObjective::State::add_regions(const std::vector<StyleRegion>& regions) {
    std::vector<double> areas;
    double total = 0.0;
    for (const StyleRegion& region : regions) {
        areas.push_back(region.mask.defined() ? region.mask.sum(at::kDouble).item<double>() : 1.0);
        total += areas.back();
    }
    const auto add = [&](std::vector<Goal>& into, StyleStatistic statistic, const Moments& style, Tensor weights,
                         double share) {
        if (share > 0.0 && !style.empty()) {
            const double scale = balances(options.preset) ? inverse_rms(style) : 1.0;
            into.push_back({std::move(weights), share, StyleTarget(statistic, style, scale, kRidge), {}, {}, {}});
        }
    };
    goals.resize(layers.size());
    for (std::size_t r = 0; r < regions.size(); ++r) {
        const StyleRegion& region = regions[r];
        const double share = options.style_weight * region.weight * areas[r] / std::max(total, 1e-12);
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const Layer& layer = layers[l];
            const double factor =
                style_factor(options.preset, layer.channels, layer.cells.height * layer.cells.width, picture);
            add(goals[l], options.statistic, region.moments.layers[l], cell_weights(region.mask, layer),
                share * layer.weight * factor);
        }
        if (options.palette > 0.0) {
            add(palette, StyleStatistic::W2, region.moments.pixels, region.mask, share * options.palette);
        }
    }
}

void StyleObjective::State::add_contents(const Tensor& content, const Tensor& counted) {
    const std::vector<LayerWeight> asked = content_layers(options);
    const std::vector<std::string> wanted = taps_of(asked);
    for (const Layer& layer : layers_of(net, asked, picture, shares_weights(options.preset))) {
        ContentLayer one{layer, {}, cell_weights(counted, layer), 0.0};
        one.target = at::empty({1, layer.channels, layer.cells.height, layer.cells.width}, content.options(),
                               at::MemoryFormat::ChannelsLast);
        contents.push_back(std::move(one));
    }
    if (contents.empty()) {
        return;
    }
    std::vector<double> powers(contents.size(), 0.0);  // sums of squares of what counts
    for (const StyleTile& tile : tiles) {
        const Features features = net.forward(tile.patch_of(content), wanted, /*keep_for_backward=*/false);
        for (std::size_t i = 0; i < contents.size(); ++i) {
            ContentLayer& one = contents[i];
            const OwnFeatures own = own_features(features, one.layer, tile);
            if (!own.empty()) {
                one.target.narrow(2, own.rows.begin, own.rows.count)
                    .narrow(3, own.columns.begin, own.columns.count)
                    .copy_(own.values);
                const Tensor squares = own.values.square().sum(1).reshape({-1});
                const Tensor weights = own_weights(one.weights, own.rows, own.columns);
                powers[i] += (weights.defined() ? squares * weights : squares).sum(at::kDouble).item<double>();
            }
        }
    }
    for (std::size_t i = 0; i < contents.size(); ++i) {
        ContentLayer& one = contents[i];
        // Means are over what counts.
        const double cells = one.weights.defined()
                                 ? one.weights.sum(at::kDouble).item<double>()
                                 : static_cast<double>(one.layer.cells.height * one.layer.cells.width);
        const double values = std::max(cells, 1e-6) * static_cast<double>(one.layer.channels);
        one.factor =
            options.content_weight * one.layer.weight * content_factor(options.preset, one.target.numel()) / values;
        if (balances(options.preset)) {
            one.factor /= std::max(powers[i] / values, 1e-20);
        }
    }
}

void StyleObjective::State::add_sums(const Features& features, const StyleTile& tile, std::int64_t number) {
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const OwnFeatures own = own_features(features, layers[l], tile);
        if (own.empty()) {
            continue;
        }
        const Tensor rows = rows_of(own.values);
        for (Goal& goal : goals[l]) {
            goal.add(rows, own_weights(goal.weights, own.rows, own.columns), number);
        }
    }
}

/// The small matrices of all layers, large ones first.
void StyleObjective::State::take_distances() {
    std::vector<Goal*> order;
    for (std::vector<Goal>& layer : goals) {
        for (Goal& goal : layer) {
            if (!goal.sums.empty()) {
                order.push_back(&goal);
            }
        }
    }
    std::stable_sort(order.begin(), order.end(),
                     [](const Goal* a, const Goal* b) { return a->sums.first.numel() > b->sums.first.numel(); });
    std::vector<std::function<void()>> tasks;
    for (Goal* goal : order) {
        tasks.emplace_back([goal] { goal->distance = goal->target.distance(goal->sums.means()); });
    }
    if (net.device().is_cpu()) {
        side_by_side(tasks);
    } else {
        for (const std::function<void()>& task : tasks) {
            task();
        }
    }
    for (const Goal* goal : order) {
        style_loss.add_(goal->distance.value, goal->share);
    }
}

/// The gradient of everything said about a tile's own cells, by tap. Features go as soon as their gradient is there.
Features StyleObjective::State::seeds(Features features, const StyleTile& tile) {
    Features seeds;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const OwnFeatures own = own_features(features, layers[l], tile);
        if (own.empty()) {
            continue;
        }
        const Tensor rows = rows_of(own.values);
        const Tensor& all = features.at(layers[l].tap);
        // Where the tile's own cells are all there are, gradients are written where they are wanted.
        const bool whole = own.values.sizes() == all.sizes();
        Tensor sum = whole ? at::empty_like(all) : at::empty_like(own.values, at::MemoryFormat::ChannelsLast);
        Tensor sum_rows = rows_of(sum);
        bool begun = false;
        for (const Goal& goal : goals[l]) {
            if (!goal.sums.empty()) {
                add_rows_gradient_(sum_rows, rows, own_weights(goal.weights, own.rows, own.columns), goal.distance,
                                   goal.share / goal.sums.weight, begun);
                begun = true;
            }
        }
        if (!begun) {
            sum.zero_();
        }
        Tensor& seed = seeds[layers[l].tap];
        if (seed.defined()) {  // a layer asked for twice
            own_part(seed, own.rows, own.columns).add_(sum);
        } else if (whole) {
            seed = sum;
        } else {
            seed = at::zeros_like(all);
            own_part(seed, own.rows, own.columns).copy_(sum);
        }
        const auto same = [&](const Layer& layer) { return layer.tap == layers[l].tap; };
        if (std::none_of(layers.begin() + static_cast<std::ptrdiff_t>(l) + 1, layers.end(), same) &&
            std::ranges::none_of(contents, same, &ContentLayer::layer)) {
            features.erase(layers[l].tap);
        }
    }
    const auto seed_of = [&](const Layer& layer, const OwnFeatures& own) {
        Tensor& seed = seeds[layer.tap];
        if (!seed.defined()) {
            seed = at::zeros_like(features.at(layer.tap));
        }
        return own_part(seed, own.rows, own.columns);
    };
    for (const ContentLayer& one : contents) {
        const OwnFeatures own = own_features(features, one.layer, tile);
        if (own.empty()) {
            continue;
        }
        const Tensor difference =
            own.values -
            one.target.narrow(2, own.rows.begin, own.rows.count).narrow(3, own.columns.begin, own.columns.count);
        const Tensor counted = one.weights.defined()
                                   ? difference * one.weights.narrow(1, own.rows.begin, own.rows.count)
                                                      .narrow(2, own.columns.begin, own.columns.count)
                                   : difference;
        content_loss.add_((counted * difference).sum(at::kDouble), one.factor);
        seed_of(one.layer, own).add_(counted, 2.0 * one.factor);
    }
    return seeds;
}

void StyleObjective::State::add_palette(const Tensor& image, Tensor& gradient) {
    for (Goal& goal : palette) {
        goal.sums = {};
        for_each_band(image, [&](const Tensor& rows, std::int64_t y, std::int64_t count) {
            goal.add(rows, band_weights(goal.weights, y, count), y);
        });
        if (goal.sums.empty()) {
            continue;
        }
        goal.distance = goal.target.distance(goal.sums.means());
        palette_loss.add_(goal.distance.value, goal.share);
        for_each_band(image, [&](const Tensor& rows, std::int64_t y, std::int64_t count) {
            Tensor part = at::empty_like(rows);
            add_rows_gradient_(part, rows, band_weights(goal.weights, y, count), goal.distance,
                               goal.share / goal.sums.weight, /*begun=*/false);
            gradient.narrow(1, y, count).add_(part.view({count, -1, 3}).permute({2, 0, 1}));
        });
    }
}

void StyleObjective::State::add_variation(const Tensor& image, Tensor& gradient) {
    if (options.tv <= 0.0) {
        return;
    }
    if (balances(options.preset)) {
        tv_loss = add_variation_(image, options.tv, options.tv * options.tv_chroma, gradient);
    } else {
        tv_loss =
            add_variation_(image, variation_of(options.preset), options.tv, pixel_range(options.preset), gradient) *
            options.tv;
    }
}

StyleObjective::StyleObjective(FrozenNet& net, const StyleOptions& options, const Tensor& content, Tensor counted,
                               const std::vector<StyleRegion>& regions, std::int64_t tile)
    : state_(new State{.net = net, .options = options, .picture = size_of(content)}) {
    const c10::NoGradGuard no_grad;
    State& s = *state_;
    s.style_taps = taps_of(options.style_layers);
    s.taps = reverie::style_taps(options);
    s.tiles = TileGeometry(net, s.taps).tiles(s.picture, tile);
    s.layers = layers_of(net, options.style_layers, s.picture, shares_weights(options.preset));
    s.add_regions(regions);
    s.add_contents(content, counted);
}

StyleObjective::~StyleObjective() = default;

Tensor StyleObjective::value_and_gradient(const Tensor& image, std::int64_t /*step*/, Tensor& gradient) {
    const c10::NoGradGuard no_grad;
    State& s = *state_;
    const Tensor zero = at::zeros({}, image.options().dtype(at::kDouble));
    s.style_loss = zero.clone();
    s.content_loss = zero.clone();
    s.palette_loss = zero.clone();
    s.tv_loss = zero.clone();
    for (std::vector<State::Goal>& layer : s.goals) {
        for (State::Goal& goal : layer) {
            goal.sums = {};
        }
    }
    // Style is said about the whole picture. Pass 1 sums it up over the tiles, the small matrices give each sum's
    // gradient, and pass 2 brings that back to the pixels. A picture in one piece needs one forward pass only.
    const bool whole = s.tiles.size() == 1;
    Features kept;
    for (std::size_t t = 0; t < s.tiles.size(); ++t) {
        Features features = s.net.forward(s.tiles[t].patch_of(image), whole ? s.taps : s.style_taps, whole);
        s.add_sums(features, s.tiles[t], static_cast<std::int64_t>(t));
        if (whole) {
            kept = std::move(features);
        }
    }
    s.take_distances();
    gradient = at::zeros_like(image);
    for (const StyleTile& tile : s.tiles) {
        Features features = whole ? std::move(kept) : s.net.forward(tile.patch_of(image), s.taps);
        const Tensor part = s.net.backward(s.seeds(std::move(features), tile));
        if (part.defined()) {
            gradient.narrow(1, tile.rows.begin, part.size(1)).narrow(2, tile.columns.begin, part.size(2)).add_(part);
        }
    }
    s.add_palette(image, gradient);
    s.add_variation(image, gradient);
    return s.style_loss + s.content_loss + s.palette_loss + s.tv_loss;
}

std::map<std::string, double> StyleObjective::losses() const {
    std::map<std::string, double> parts = {{"style", state_->style_loss.item<double>()},
                                           {"content", state_->content_loss.item<double>()},
                                           {"palette", state_->palette_loss.item<double>()},
                                           {"tv", state_->tv_loss.item<double>()}};
    double total = 0.0;
    for (const auto& [name, value] : parts) {
        total += value;
    }
    parts["total"] = total;
    return parts;
}

}  // namespace reverie
