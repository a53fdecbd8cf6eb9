#include "techniques/style/style_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "reverie/core/parallel.h"
#include "reverie/optimize/total_variation.h"
#include "techniques/style/content_terms.h"
#include "techniques/style/pixel_bands.h"
#include "techniques/style/style_formula.h"
#include "techniques/style/style_layers.h"
#include "techniques/style/style_plan.h"
#include "techniques/style/style_tiles.h"

namespace reverie {
namespace {

constexpr double kRidge = 1e-4;         // of covariances, as crowsonkb's
constexpr double kMainVariance = 0.99;  // of a style, whose directions are compared as a whole (Reverie)

/// 1 / root mean square of what has these means.
double inverse_rms(const Moments& means) {
    const auto power = means.second.diagonal().mean().item<double>();
    constexpr double kTiny = 1e-20;
    return power > kTiny ? 1.0 / std::sqrt(power) : 1.0;
}

void add_patch_(Tensor& gradient, const StyleTile& tile, const Tensor& part) {
    gradient.narrow(1, tile.rows.begin, part.size(1)).narrow(2, tile.columns.begin, part.size(2)).add_(part);
}

}  // namespace

struct StyleObjective::State {
    /// A style layer or the pixels, in one region.
    struct StyleTerm {
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
    FrozenNet& net;
    FrozenNet* content_net;
    const StyleOptions& options;
    double emphasis = 1.0;  // of styles and palette
    Size picture;
    std::vector<std::string> style_taps, taps;
    std::vector<StyleTile> tiles;
    std::vector<PictureLayer> layers;
    std::vector<std::vector<StyleTerm>> style_terms;  // by style layer, then region
    std::vector<StyleTerm> palette;                   // by region
    std::optional<ContentTerms> contents;
    // of the second net
    std::vector<StyleTile> content_tiles;
    std::optional<ContentTerms> more_contents;

    // of the last value
    Tensor style_loss, content_loss, palette_loss, tv_loss;

    void forget_losses(const at::TensorOptions& like) {
        for (Tensor* loss : {&style_loss, &content_loss, &palette_loss, &tv_loss}) {
            *loss = at::zeros({}, like.dtype(at::kDouble));
        }
    }

    void set_content(const Tensor& content, const Tensor& counted, std::int64_t tile);
    void add_regions(const std::vector<StyleRegion>& regions);
    void add_sums(const Features& features, const StyleTile& tile, std::int64_t number);
    void measure_distances();
    Features seeds(Features features, const StyleTile& tile);
    void add_second_content(const Tensor& image, Tensor* gradient);
    void add_palette(const Tensor& image, Tensor* gradient);
    void add_variation(const Tensor& image, Tensor* gradient);
    Tensor value(const Tensor& image, Tensor* gradient);
};

void StyleObjective::State::set_content(const Tensor& content, const Tensor& counted, std::int64_t tile) {
    const StyleNets nets(net, content_net);
    picture = size_of(content);
    tiles = TileGeometry(net, taps).tiles(picture, tile);
    layers = layers_of(net, options.style_layers, picture, shares_weights(options.preset));
    const ContentWeights weights = content_weights(nets, options);
    contents.emplace(net, content_layers(options), weights.first, options.preset, content, counted, tiles);
    if (FrozenNet* second = second_net(nets, options)) {
        const std::vector<LayerWeight>& asked = options.content_network_layers;
        content_tiles = TileGeometry(*second, taps_of(asked)).tiles(picture, tile);
        more_contents.emplace(*second, asked, weights.second, options.preset, content, counted, content_tiles);
    }
}

void StyleObjective::State::add_regions(const std::vector<StyleRegion>& regions) {
    std::vector<double> areas;
    double total = 0.0;
    for (const StyleRegion& region : regions) {
        areas.push_back(region.mask.defined() ? region.mask.sum(at::kDouble).item<double>() : 1.0);
        total += areas.back();
    }
    const auto add = [&](std::vector<StyleTerm>& into, StyleStatistic statistic, const Moments& style, Tensor weights,
                         double share) {
        if (share > 0.0 && !style.empty()) {
            const double scale = balances(options.preset) ? inverse_rms(style) : 1.0;
            into.push_back(
                {std::move(weights),
                 share,
                 StyleTarget(statistic, style, scale, kRidge, balances(options.preset) ? kMainVariance : 1.0),
                 {},
                 {},
                 {}});
        }
    };
    style_terms.resize(layers.size());
    for (std::size_t r = 0; r < regions.size(); ++r) {
        const StyleRegion& region = regions[r];
        const double share = options.style_weight * region.weight * areas[r] / std::max(total, 1e-12);
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const PictureLayer& layer = layers[l];
            const double factor =
                style_factor(options.preset, layer.channels, layer.cells.height * layer.cells.width, picture);
            add(style_terms[l], options.statistic, region.moments.layers[l], cell_weights(region.mask, layer),
                share * layer.weight * factor);
        }
        if (options.palette > 0.0) {
            add(palette, StyleStatistic::W2, region.moments.pixels, region.mask, share * options.palette);
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
        for (StyleTerm& term : style_terms[l]) {
            term.add(rows, own_weights(term.weights, own.rows, own.columns), number);
        }
    }
}

/// The small matrices of all layers, large ones first.
void StyleObjective::State::measure_distances() {
    std::vector<StyleTerm*> order;
    for (std::vector<StyleTerm>& layer : style_terms) {
        for (StyleTerm& term : layer) {
            if (!term.sums.empty()) {
                order.push_back(&term);
            }
        }
    }
    std::stable_sort(order.begin(), order.end(), [](const StyleTerm* a, const StyleTerm* b) {
        return a->sums.first.numel() > b->sums.first.numel();
    });
    std::vector<std::function<void()>> tasks;
    for (StyleTerm* term : order) {
        tasks.emplace_back([term] { term->distance = term->target.distance(term->sums.means()); });
    }
    if (net.device().is_cpu()) {
        side_by_side(tasks);
    } else {
        for (const std::function<void()>& task : tasks) {
            task();
        }
    }
    for (const StyleTerm* term : order) {
        style_loss.add_(term->distance.value, term->share * emphasis);
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
        for (const StyleTerm& term : style_terms[l]) {
            if (!term.sums.empty()) {
                add_rows_gradient_(sum_rows, rows, own_weights(term.weights, own.rows, own.columns), term.distance,
                                   emphasis * term.share / term.sums.weight, begun);
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
        const auto same = [&](const PictureLayer& layer) { return layer.tap == layers[l].tap; };
        if (std::none_of(layers.begin() + static_cast<std::ptrdiff_t>(l) + 1, layers.end(), same) &&
            !contents->asks(layers[l].tap)) {
            features.erase(layers[l].tap);
        }
    }
    contents->add(features, tile, content_loss, &seeds);
    return seeds;
}

void StyleObjective::State::add_second_content(const Tensor& image, Tensor* gradient) {
    if (!more_contents) {
        return;
    }
    const std::vector<std::string> wanted = more_contents->taps();
    for (const StyleTile& tile : content_tiles) {
        const Features features = content_net->forward(tile.patch_of(image), wanted, gradient != nullptr);
        Features seeds;
        more_contents->add(features, tile, content_loss, gradient != nullptr ? &seeds : nullptr);
        if (gradient == nullptr) {
            continue;
        }
        if (const Tensor part = content_net->backward(seeds); part.defined()) {
            add_patch_(*gradient, tile, part);
        }
    }
}

void StyleObjective::State::add_palette(const Tensor& image, Tensor* gradient) {
    for (StyleTerm& term : palette) {
        term.sums = {};
        for_each_band(image, [&](const Tensor& rows, std::int64_t y, std::int64_t count) {
            term.add(rows, band_weights(term.weights, y, count), y);
        });
        if (term.sums.empty()) {
            continue;
        }
        term.distance = term.target.distance(term.sums.means());
        palette_loss.add_(term.distance.value, term.share * emphasis);
        if (gradient == nullptr) {
            continue;
        }
        for_each_band(image, [&](const Tensor& rows, std::int64_t y, std::int64_t count) {
            Tensor part = at::empty_like(rows);
            add_rows_gradient_(part, rows, band_weights(term.weights, y, count), term.distance,
                               emphasis * term.share / term.sums.weight, /*begun=*/false);
            gradient->narrow(1, y, count).add_(part.view({count, -1, 3}).permute({2, 0, 1}));
        });
    }
}

void StyleObjective::State::add_variation(const Tensor& image, Tensor* gradient) {
    if (options.tv <= 0.0) {
        return;
    }
    Tensor unasked = gradient == nullptr ? at::zeros_like(image) : Tensor();
    Tensor& slope = gradient == nullptr ? unasked : *gradient;
    if (balances(options.preset)) {
        tv_loss = add_variation_(image, options.tv, options.tv * options.tv_chroma, slope);
    } else {
        tv_loss = add_variation_(image, variation_of(options.preset), options.tv, pixel_range(options.preset), slope) *
                  options.tv;
    }
}

/// `gradient`, where one is asked for, is added to.
Tensor StyleObjective::State::value(const Tensor& image, Tensor* gradient) {
    forget_losses(image.options());
    for (std::vector<StyleTerm>& layer : style_terms) {
        for (StyleTerm& term : layer) {
            term.sums = {};
        }
    }
    // Style is said about the whole picture. Pass 1 sums it up over the tiles, the small matrices give each sum's
    // gradient, and pass 2 brings that back to the pixels. A picture in one piece needs one forward pass only, and so
    // does a value without a gradient.
    const bool whole = tiles.size() == 1;
    const bool once = whole || gradient == nullptr;
    Features kept;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        Features features =
            net.forward(tiles[t].patch_of(image), once ? taps : style_taps, whole && gradient != nullptr);
        add_sums(features, tiles[t], static_cast<std::int64_t>(t));
        if (gradient == nullptr) {
            contents->add(features, tiles[t], content_loss, nullptr);
        } else if (whole) {
            kept = std::move(features);
        }
    }
    measure_distances();
    if (gradient != nullptr) {
        for (const StyleTile& tile : tiles) {
            Features features = whole ? std::exchange(kept, {}) : net.forward(tile.patch_of(image), taps);
            const Tensor part = net.backward(seeds(std::move(features), tile));
            if (part.defined()) {
                add_patch_(*gradient, tile, part);
            }
        }
    }
    add_second_content(image, gradient);
    add_palette(image, gradient);
    add_variation(image, gradient);
    return style_loss + content_loss + palette_loss + tv_loss;
}

StyleObjective::StyleObjective(StyleNets nets, const StyleOptions& options, const Tensor& content,
                               const Tensor& counted, const std::vector<StyleRegion>& regions, std::int64_t tile)
    : state_(new State{.net = nets.style, .content_net = nets.content, .options = options}) {
    const c10::NoGradGuard no_grad;
    State& s = *state_;
    s.style_taps = taps_of(options.style_layers);
    s.taps = reverie::style_taps(options);
    s.set_content(content, counted, tile);
    s.add_regions(regions);
    s.forget_losses(content.options());
}

StyleObjective::~StyleObjective() = default;

void StyleObjective::keep_content_of(const Tensor& content) {
    const c10::NoGradGuard no_grad;
    state_->set_content(content, {}, /*tile=*/0);
    for (std::vector<State::StyleTerm>& layer : state_->style_terms) {
        for (State::StyleTerm& term : layer) {
            term.weight_sums.clear();
        }
    }
    for (State::StyleTerm& term : state_->palette) {
        term.weight_sums.clear();
    }
}

void StyleObjective::weigh_styles(double factor) { state_->emphasis = factor; }

Tensor StyleObjective::value_and_gradient(const Tensor& image, std::int64_t /*step*/, Tensor& gradient) {
    const c10::NoGradGuard no_grad;
    gradient = at::zeros_like(image);
    return state_->value(image, &gradient);
}

Tensor StyleObjective::value(const Tensor& image) {
    const c10::NoGradGuard no_grad;
    return state_->value(image, nullptr);
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
