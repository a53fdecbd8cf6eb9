#include "techniques/dream/dream_terms.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "nn/taps.h"
#include "reverie/core/error.h"
#include "reverie/image/resample.h"
#include "reverie/nn/graph.h"

namespace reverie {
namespace {

using Kind = DreamTarget::Kind;
using Measure = DreamFormula::Measure;

constexpr double kTiny = 1e-12;

/// Adds to what is there already: several terms may speak of one layer.
void add_seed(Features& seeds, const std::string& tap, const Tensor& seed) {
    const auto [found, is_new] = seeds.try_emplace(tap, seed);
    if (!is_new) {
        found->second = found->second + seed;
    }
}

/// The cells of a layer on the whole canvas; 1x1 for one that sees all at once.
class LayerCells {
  public:
    LayerCells(const Graph& graph, const std::string& tap) : graph_(&graph), node_(find_tap(graph, tap)) {
        const std::optional<Tap> layer = tap_at(graph, node_);
        global_ = layer && layer->field == 0;
    }

    bool is_global() const { return global_; }

    /// Of the whole canvas.
    Size size(const DreamPatch& patch) {
        if (patch.canvas != canvas_) {
            canvas_ = patch.canvas;
            size_ = sizes_of(*graph_, canvas_)[static_cast<std::size_t>(node_)];
        }
        return size_;
    }
    double count(const DreamPatch& patch) {
        const Size all = size(patch);
        return static_cast<double>(all.height * all.width);
    }

    /// The part of a feature [N,C,h,w] that is the patch's own.
    Tensor own(const Tensor& feature, const DreamPatch& patch) const {
        if (global_) {
            return feature;
        }
        const auto part = [](const Tensor& x, std::int64_t axis, const PatchSpan& span) {
            const std::int64_t cells = x.size(axis);
            const double per_pixel = static_cast<double>(cells) / static_cast<double>(span.end - span.begin);
            const auto at = [&](std::int64_t pixel) {
                return std::clamp<std::int64_t>(std::llround(static_cast<double>(pixel - span.begin) * per_pixel), 0,
                                                cells);
            };
            return x.narrow(axis, at(span.own_begin), at(span.own_end) - at(span.own_begin));
        };
        return part(part(feature, 2, patch.rows), 3, patch.columns);
    }

  private:
    const Graph* graph_;
    int node_;
    bool global_ = false;
    Size canvas_, size_;
};

/// A layer that answers for the whole picture takes a patch for all of it, and its mean is over that: a patch counts by
/// its share of the pixels. What follows such a mean is linear in every net here, so the shares add up.
double weight_of(const LayerCells& cells, const DreamPatch& patch) {
    return cells.is_global() ? patch.seen_share() : 1.0;
}
double value_weight_of(const LayerCells& cells, const DreamPatch& patch) {
    return cells.is_global() ? patch.own_share() : 1.0;
}

/// Everything a layer says.
class LayerTerm final : public DreamTerm {
  public:
    LayerTerm(const FrozenNet& net, std::string tap, const DreamOptions& options)
        : tap_{std::move(tap)},
          cells_(net.graph(), tap_.front()),
          formula_(options.formula),
          balance_(options.channel_balance) {}

    const std::vector<std::string>& taps() const override { return tap_; }

    Looks looks() const override {
        return formula_.measure == Measure::Norm ? Looks::EveryStep
               : balance_ > 0.0                  ? Looks::AsOctaveBegins
                                                 : Looks::Never;
    }

    void look(const Features& features, const DreamPatch& patch) override {
        const Tensor squares = cells_.own(counted(features.at(tap_.front()), patch), patch).square();
        const Tensor part =
            formula_.measure == Measure::Norm
                ? squares.sum()
                : squares.sum({0, 2, 3}, /*keepdim=*/true) / cells_.count(patch) * value_weight_of(cells_, patch);
        sum_ = sum_.defined() ? sum_ + part : part;
    }

    /// Norm: the layer's. Else weighs every channel by the inverse of its mean square relative to the layer's.
    void looked() override {
        known_ = formula_.measure == Measure::Norm ? sum_.sqrt() : 1.0 / (sum_ / (sum_.mean() + kTiny) + balance_);
        sum_ = Tensor();
    }

    Tensor seed(const SeenPatch& seen, const Tensor& factor, Features& seeds) override {
        const Tensor feature = counted(seen.features.at(tap_.front()), seen.patch);
        switch (formula_.measure) {
            case Measure::MeanSquare: {
                const Tensor weighed = known_.defined() ? feature * known_ : feature;
                const double values = values_in_mean(feature.size(1), seen.patch);
                add_seed(seeds, tap_.front(), weighed * (2.0 * weight_of(cells_, seen.patch) / values) * factor);
                return (cells_.own(weighed, seen.patch) * cells_.own(feature, seen.patch)).sum() *
                       (value_weight_of(cells_, seen.patch) / values);
            }
            case Measure::HalfSquareSum:
                add_seed(seeds, tap_.front(), feature * factor);
                return cells_.own(feature, seen.patch).square().sum() * 0.5;
            case Measure::Norm: {
                const Tensor squares = cells_.own(feature, seen.patch).square().sum();
                // A patch that is the whole canvas need not be looked at before.
                const Tensor norm = (known_.defined() ? known_ : squares.sqrt()) + kTiny;
                add_seed(seeds, tap_.front(), feature * (factor / norm));
                return squares / norm;
            }
        }
        return {};
    }

  private:
    /// The layer with zeros where cells next to the canvas' own border do not count.
    Tensor counted(const Tensor& x, const DreamPatch& patch) const {
        const std::int64_t border = formula_.border;
        if (border == 0) {
            return x;
        }
        Tensor kept = x.clone();
        const auto clear = [&](std::int64_t axis, const PatchSpan& span, std::int64_t side) {
            const std::int64_t cells = std::min(border, kept.size(axis));
            if (span.begin == 0) {
                kept.narrow(axis, 0, cells).zero_();
            }
            if (span.end == side) {
                kept.narrow(axis, kept.size(axis) - cells, cells).zero_();
            }
        };
        clear(2, patch.rows, patch.canvas.height);
        clear(3, patch.columns, patch.canvas.width);
        return kept;
    }

    double values_in_mean(std::int64_t channels, const DreamPatch& patch) {
        const std::int64_t around = formula_.border_in_mean ? 0 : 2 * formula_.border;
        const Size all = cells_.size(patch);
        const std::int64_t cells =
            std::max<std::int64_t>(all.height - around, 0) * std::max<std::int64_t>(all.width - around, 0);
        return static_cast<double>(std::max<std::int64_t>(cells * channels, 1));
    }

    std::vector<std::string> tap_;
    LayerCells cells_;
    DreamFormula formula_;
    double balance_;
    Tensor sum_;
    Tensor known_;  // [1,C,1,1]: weights of channels; Norm: a scalar. Undefined: all count alike
};

/// A channel of a layer, where it can be asked for before anything is cut off it.
struct ChannelTap {
    std::string tap;
    std::int64_t channel;
};

ChannelTap channel_tap(const Graph& graph, const std::string& layer, std::int64_t channel) {
    const Channel source = before_activation(graph, {find_tap(graph, layer), channel});
    return {node_name(source.node), source.channel};
}

std::vector<std::string> taps_of(const std::vector<ChannelTap>& channels) {
    std::vector<std::string> taps;
    for (const ChannelTap& one : channels) {
        add_taps(taps, {one.tap});
    }
    return taps;
}

/// The mean of some channels, before their activation: silent ones can be woken (lucid's channel objective).
class ChannelsTerm : public DreamTerm {
  public:
    ChannelsTerm(const FrozenNet& net, std::vector<ChannelTap> channels) : graph_(net.graph()) {
        set(std::move(channels));
    }

    const std::vector<std::string>& taps() const override { return taps_; }

    Tensor seed(const SeenPatch& seen, const Tensor& factor, Features& seeds) override {
        Tensor value;
        std::map<std::string, Tensor> own;  // one seed for each layer, whatever the number of channels
        for (const ChannelTap& one : channels_) {
            const Tensor& feature = seen.features.at(one.tap);
            LayerCells& cells = cells_.at(one.tap);
            const double all = cells.count(seen.patch) * static_cast<double>(channels_.size());
            Tensor& seed = own.try_emplace(one.tap, at::zeros_like(feature)).first->second;
            seed.select(1, one.channel).fill_(weight_of(cells, seen.patch) / all);
            const Tensor part = cells.own(feature.narrow(1, one.channel, 1), seen.patch).sum() *
                                (value_weight_of(cells, seen.patch) / all);
            value = value.defined() ? value + part : part;
        }
        for (const auto& [tap, seed] : own) {
            add_seed(seeds, tap, seed * factor);
        }
        return value;
    }

  protected:
    void set(std::vector<ChannelTap> channels) {
        channels_ = std::move(channels);
        taps_ = taps_of(channels_);
        for (const std::string& tap : taps_) {
            cells_.try_emplace(tap, graph_, tap);
        }
    }
    const Graph& graph() const { return graph_; }

  private:
    const Graph& graph_;
    std::vector<ChannelTap> channels_;
    std::vector<std::string> taps_;
    std::map<std::string, LayerCells> cells_;
};

/// The channels of a layer that answer most, or least, to the whole canvas as an octave begins.
class RankedTerm final : public ChannelsTerm {
  public:
    RankedTerm(const FrozenNet& net, const DreamTarget& target)
        : ChannelsTerm(net, {}), target_(target), cells_(net.graph(), target.tap) {}

    Looks looks() const override { return Looks::AsOctaveBegins; }
    std::vector<std::string> look_taps() const override { return {target_.tap}; }

    void look(const Features& features, const DreamPatch& patch) override {
        const Tensor part = cells_.own(features.at(target_.tap), patch).sum({0, 2, 3}) * value_weight_of(cells_, patch);
        means_ = means_.defined() ? means_ + part : part;
    }

    void looked() override {
        const Tensor order = means_.cpu().argsort(/*dim=*/0, /*descending=*/target_.kind == Kind::Strongest);
        std::vector<ChannelTap> chosen;
        for (std::int64_t i = 0; i < target_.number; ++i) {
            chosen.push_back(channel_tap(graph(), target_.tap, order[i].item<std::int64_t>()));
        }
        set(std::move(chosen));
        means_ = Tensor();
    }

  private:
    DreamTarget target_;
    LayerCells cells_;
    Tensor means_;
};

/// One channel at one place (lucid's neuron objective).
class NeuronTerm final : public DreamTerm {
  public:
    NeuronTerm(const FrozenNet& net, const DreamTarget& target)
        : target_(target), layer_(tap_of(net, target.tap)), at_(channel_tap(net.graph(), target.tap, target.number)) {
        taps_ = {at_.tap};
    }

    const std::vector<std::string>& taps() const override { return taps_; }
    const DreamTarget* place() const override { return &target_; }
    std::int64_t reach() const override { return layer_.field / 2 + layer_.stride; }
    void set_place(std::int64_t row, std::int64_t column) override {
        row_ = row;
        column_ = column;
    }

    Tensor seed(const SeenPatch& seen, const Tensor& factor, Features& seeds) override {
        const Tensor& feature = seen.features.at(at_.tap);
        const auto cell = [&](std::int64_t at, const PatchSpan& span, std::int64_t cells) {
            const double offset = static_cast<double>(at - span.begin) - layer_.offset;
            return std::clamp<std::int64_t>(std::llround(offset / static_cast<double>(layer_.stride)), 0, cells - 1);
        };
        const std::int64_t y = cell(row_, seen.patch.rows, feature.size(2));
        const std::int64_t x = cell(column_, seen.patch.columns, feature.size(3));
        const Tensor seed = at::zeros_like(feature);
        seed.select(1, at_.channel).select(1, y).select(1, x).copy_(factor);
        add_seed(seeds, at_.tap, seed);
        return feature[0][at_.channel][y][x].clone();
    }

  private:
    DreamTarget target_;
    Tap layer_;
    ChannelTap at_;
    std::vector<std::string> taps_;
    std::int64_t row_ = 0, column_ = 0;
};

/// What a picture has in common with others at a layer: every cell grows towards the cell of the guides whose features
/// match its own best (the guided dream of google/deepdream).
class GuidedTerm final : public DreamTerm {
  public:
    GuidedTerm(const FrozenNet& net, const std::string& tap, const Tensor& guide)
        : taps_{tap}, cells_(net.graph(), tap), guide_(guide) {}

    const std::vector<std::string>& taps() const override { return taps_; }

    Tensor seed(const SeenPatch& seen, const Tensor& factor, Features& seeds) override {
        const Tensor& feature = seen.features.at(taps_.front());
        const Tensor x = feature.flatten(2).squeeze(0);  // [C,n]
        Tensor best = at::empty_like(feature);
        const double mean = 1.0 / cells_.count(seen.patch);
        constexpr std::int64_t kProducts = 1 << 24;  // at a time: all pairs of cells would take gigabytes
        const std::int64_t step = std::max<std::int64_t>(1, kProducts / guide_.size(1));
        Tensor columns = at::empty_like(x);
        for (std::int64_t i = 0; i < x.size(1); i += step) {
            const std::int64_t n = std::min(step, x.size(1) - i);
            const Tensor match = at::mm(guide_.t(), x.narrow(1, i, n)).argmax(0);
            columns.narrow(1, i, n).copy_(guide_.index_select(1, match));
        }
        best.copy_(columns.view({1, x.size(0), feature.size(2), feature.size(3)}));
        add_seed(seeds, taps_.front(), best * (factor * (mean * weight_of(cells_, seen.patch))));
        return (cells_.own(best, seen.patch) * cells_.own(feature, seen.patch)).sum() *
               (mean * value_weight_of(cells_, seen.patch));
    }

  private:
    std::vector<std::string> taps_;
    LayerCells cells_;
    Tensor guide_;  // [C,m]
};

/// More of what the photo has at a layer: part of the layer's own term, and part the direction of the photo's features,
/// cell by cell (lucid's direction objective, from which its caricatures are made).
class CaricatureTerm final : public DreamTerm {
  public:
    CaricatureTerm(const FrozenNet& net, const std::string& tap, const DreamOptions& options)
        : layer_(net, tap, options), cells_(net.graph(), tap), amount_(options.caricature) {}

    const std::vector<std::string>& taps() const override { return layer_.taps(); }
    Looks looks() const override { return layer_.looks(); }
    void look(const Features& features, const DreamPatch& patch) override { layer_.look(features, patch); }
    void looked() override { layer_.looked(); }
    bool wants_photo() const override { return true; }

    Tensor seed(const SeenPatch& seen, const Tensor& factor, Features& seeds) override {
        const std::string& tap = taps().front();
        const Tensor& photo = seen.photo.at(tap);
        const double all = cells_.count(seen.patch) * static_cast<double>(photo.size(1));
        add_seed(seeds, tap, photo * (factor * (2.0 * amount_ * weight_of(cells_, seen.patch) / all)));
        Tensor value = (cells_.own(seen.features.at(tap), seen.patch) * cells_.own(photo, seen.patch)).sum() *
                       (2.0 * amount_ * value_weight_of(cells_, seen.patch) / all);
        if (amount_ < 1.0) {
            value = value + layer_.seed(seen, factor * (1.0 - amount_), seeds) * (1.0 - amount_);
        }
        return value;
    }

  private:
    LayerTerm layer_;
    LayerCells cells_;
    double amount_;
};

std::unique_ptr<DreamTerm> make_term(const FrozenNet& net, const DreamTarget& target, const DreamOptions& options,
                                     const Features& guides) {
    const auto channel = [&](const std::string& layer) {
        return std::make_unique<ChannelsTerm>(net, std::vector{channel_tap(net.graph(), layer, target.number)});
    };
    switch (target.kind) {
        case Kind::Layer:
            if (const auto guide = guides.find(target.tap); guide != guides.end()) {
                return std::make_unique<GuidedTerm>(net, target.tap, guide->second);
            }
            if (options.caricature > 0.0) {
                return std::make_unique<CaricatureTerm>(net, target.tap, options);
            }
            return std::make_unique<LayerTerm>(net, target.tap, options);
        case Kind::Channel:
            return channel(target.tap);
        case Kind::Class:
            return channel(classifier_of(net.graph()).value().name);
        case Kind::Strongest:
        case Kind::Weakest:
            return std::make_unique<RankedTerm>(net, target);
        case Kind::Neuron:
            return std::make_unique<NeuronTerm>(net, target);
    }
    throw Error(ErrorKind::Internal, "a target of a dream has no term; please report this");
}

}  // namespace

Features guide_features(FrozenNet& net, const DreamOptions& options, const std::vector<Tensor>& guides) {
    constexpr std::int64_t kLongest = 320;  // pixels: a guide is looked at as a whole, and every cell meets all of it
    std::map<std::string, std::vector<Tensor>> columns;
    std::vector<std::string> taps;
    for (const DreamTarget& target : options.layers) {
        if (target.kind == Kind::Layer) {
            taps.push_back(target.tap);
        }
    }
    for (const Tensor& guide : guides) {
        Size size = size_of(guide);
        if (std::max(size.height, size.width) > kLongest) {
            size = fit_longest(size, kLongest);
        }
        const Tensor shown = resize(guide, size).clamp(0.0, 1.0).to(net.device());
        for (const auto& [tap, feature] : net.forward(shown, taps, /*keep_for_backward=*/false)) {
            columns[tap].push_back(feature.flatten(2).squeeze(0));
        }
    }
    Features features;
    for (const auto& [tap, parts] : columns) {
        features[tap] = at::cat(parts, 1).contiguous();
    }
    return features;
}

std::vector<std::unique_ptr<DreamTerm>> make_terms(const FrozenNet& net, const DreamOptions& options,
                                                   const Features& guides) {
    std::vector<std::unique_ptr<DreamTerm>> terms;
    for (const DreamTarget& target : options.layers) {
        terms.push_back(make_term(net, target, options, guides));
    }
    return terms;
}

std::vector<std::string> dream_taps(const FrozenNet& net, const DreamOptions& options) {
    std::vector<std::string> taps;
    for (const std::unique_ptr<DreamTerm>& term : make_terms(net, options, {})) {
        add_taps(taps, term->look_taps());  // those of channels yet to be chosen lie before that
    }
    return taps;
}

}  // namespace reverie
