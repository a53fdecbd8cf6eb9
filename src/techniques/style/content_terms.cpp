#include "techniques/style/content_terms.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "nn/taps.h"
#include "techniques/style/style_formula.h"

namespace reverie {

ContentTerms::ContentTerms(FrozenNet& net, const std::vector<LayerWeight>& asked, double weight, StylePreset preset,
                           const Tensor& content, const Tensor& counted, const std::vector<StyleTile>& tiles) {
    for (const PictureLayer& layer : layers_of(net, asked, size_of(content), shares_weights(preset))) {
        Term term{layer, {}, cell_weights(counted, layer), 0.0};
        term.target = at::empty({1, layer.channels, layer.cells.height, layer.cells.width}, content.options(),
                                at::MemoryFormat::ChannelsLast);
        terms_.push_back(std::move(term));
    }
    if (terms_.empty()) {
        return;
    }
    const std::vector<std::string> wanted = taps();
    std::vector<double> powers(terms_.size(), 0.0);  // sums of squares of what counts
    for (const StyleTile& tile : tiles) {
        const Features features = net.forward(tile.patch_of(content), wanted, /*keep_for_backward=*/false);
        for (std::size_t i = 0; i < terms_.size(); ++i) {
            Term& term = terms_[i];
            const OwnFeatures own = own_features(features, term.layer, tile);
            if (!own.empty()) {
                term.target.narrow(2, own.rows.begin, own.rows.count)
                    .narrow(3, own.columns.begin, own.columns.count)
                    .copy_(own.values);
                const Tensor squares = own.values.square().sum(1).reshape({-1});
                const Tensor weights = own_weights(term.weights, own.rows, own.columns);
                powers[i] += (weights.defined() ? squares * weights : squares).sum(at::kDouble).item<double>();
            }
        }
    }
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        Term& term = terms_[i];
        // Means are over what counts.
        const double cells = term.weights.defined()
                                 ? term.weights.sum(at::kDouble).item<double>()
                                 : static_cast<double>(term.layer.cells.height * term.layer.cells.width);
        const double values = std::max(cells, 1e-6) * static_cast<double>(term.layer.channels);
        term.factor = weight * term.layer.weight * content_factor(preset, term.target.numel()) / values;
        if (balances(preset)) {
            term.factor /= std::max(powers[i] / values, 1e-20);
        }
    }
}

std::vector<std::string> ContentTerms::taps() const {
    std::vector<std::string> taps;
    for (const Term& term : terms_) {
        add_taps(taps, {term.layer.tap});
    }
    return taps;
}

bool ContentTerms::asks(const std::string& tap) const {
    return std::ranges::any_of(terms_, [&tap](const Term& term) { return term.layer.tap == tap; });
}

void ContentTerms::add(const Features& features, const StyleTile& tile, Tensor& loss, Features* seeds) const {
    for (const Term& term : terms_) {
        const OwnFeatures own = own_features(features, term.layer, tile);
        if (own.empty()) {
            continue;
        }
        const Tensor difference =
            own.values -
            term.target.narrow(2, own.rows.begin, own.rows.count).narrow(3, own.columns.begin, own.columns.count);
        const Tensor counted = term.weights.defined()
                                   ? difference * term.weights.narrow(1, own.rows.begin, own.rows.count)
                                                      .narrow(2, own.columns.begin, own.columns.count)
                                   : difference;
        loss.add_((counted * difference).sum(at::kDouble), term.factor);
        if (seeds == nullptr) {
            continue;
        }
        Tensor& seed = (*seeds)[term.layer.tap];
        if (!seed.defined()) {
            seed = at::zeros_like(features.at(term.layer.tap));
        }
        own_part(seed, own.rows, own.columns).add_(counted, 2.0 * term.factor);
    }
}

}  // namespace reverie
