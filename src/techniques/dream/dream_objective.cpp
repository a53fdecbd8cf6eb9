#include "techniques/dream/dream_objective.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "nn/taps.h"
#include "reverie/core/random.h"
#include "techniques/dream/dream_formula.h"

namespace reverie {
namespace {

constexpr double kTiny = 1e-12;

const Features& no_guides() {
    static const Features none;
    return none;
}

/// The patch's own part of a gradient over all that it sees.
Tensor own_part(const Tensor& gradient, const DreamPatch& patch) {
    return gradient.narrow(1, patch.rows.own_begin - patch.rows.begin, patch.rows.own())
        .narrow(2, patch.columns.own_begin - patch.columns.begin, patch.columns.own());
}

std::int64_t pixel_at(double fraction, std::int64_t side) {
    return std::llround(fraction * static_cast<double>(side - 1));
}

}  // namespace

PatchGrid patch_grid(const FrozenNet& net, std::int64_t tile) {
    PatchGrid grid{.tile = tile};
    for (const Tap& tap : net.taps()) {
        grid.stride = std::max(grid.stride, tap.stride);
    }
    return grid;
}

DreamObjective::DreamObjective(FrozenNet& net, const DreamOptions& options, const DreamView& view)
    : net_(net),
      options_(options),
      view_(view),
      grid_(patch_grid(net, view.tile)),
      terms_(make_terms(net, options, view.guides != nullptr ? *view.guides : no_guides())) {
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        (terms_[i]->place() != nullptr ? local_ : spread_).push_back(i);
    }
}

double DreamObjective::reach(Size picture) const {
    if (!spread_.empty()) {
        return 1.0;
    }
    double pixels = 0.0;
    for (const std::size_t i : local_) {
        const auto part = [&](double at, std::int64_t side) {
            const std::int64_t middle = pixel_at(at, side);
            const std::int64_t reach = terms_[i]->reach();
            return static_cast<double>(std::min(middle + reach + 1, side) - std::max<std::int64_t>(middle - reach, 0));
        };
        pixels += part(terms_[i]->place()->y, picture.height) * part(terms_[i]->place()->x, picture.width);
    }
    return std::min(1.0, pixels / static_cast<double>(picture.height * picture.width));
}

DreamCanvas DreamObjective::canvas_at(Size picture, std::int64_t step) const {
    return {picture, options_, grid_, shift_of(options_, view_.octave, step), net_.device()};
}

std::vector<DreamObjective::Look> DreamObjective::looks_at(const DreamCanvas& canvas, const DreamTurn& turn,
                                                           Size picture, std::int64_t step) const {
    std::vector<Look> looks;
    if (!spread_.empty()) {
        Size moved;
        if (grid_.tile > 0) {
            const Size tile = tile_sides(canvas.size(), grid_);
            const auto draw = [&](std::uint64_t axis, std::int64_t side) {
                return grid_.stride * random_integer(options_.seed, view_.octave,
                                                     static_cast<std::uint64_t>(step) * 4 + 2 + axis, 0,
                                                     std::max<std::int64_t>(side / grid_.stride - 1, 0));
            };
            moved = {draw(0, tile.height), draw(1, tile.width)};
        }
        for (const DreamPatch& patch : patches_of(canvas.size(), grid_, moved)) {
            looks.push_back({patch, spread_});
        }
    }
    for (const std::size_t i : local_) {
        const DreamTurn::Place place = turn.seen(
            {pixel_at(terms_[i]->place()->y, picture.height), pixel_at(terms_[i]->place()->x, picture.width)});
        const std::int64_t row = canvas.row_of(place.y);
        const std::int64_t column = canvas.column_of(place.x);
        terms_[i]->set_place(row, column);
        looks.push_back(
            {patch_around(canvas.size(), grid_, row, column, terms_[i]->reach()), {i}, DreamCanvas::Part::All});
    }
    return looks;
}

void DreamObjective::look_first(const Tensor& image, const DreamCanvas& canvas, const std::vector<Look>& looks,
                                bool first) {
    const auto is_due = [&](std::size_t i) {
        return terms_[i]->looks() == Term::Looks::EveryStep ? grid_.tile > 0
                                                            : first && terms_[i]->looks() != Term::Looks::Never;
    };
    std::vector<std::string> taps;
    for (const std::size_t i : spread_) {
        if (is_due(i)) {
            add_taps(taps, terms_[i]->look_taps());
        }
    }
    if (taps.empty()) {
        return;
    }
    for (const Look& look : looks) {
        if (look.part == DreamCanvas::Part::All) {
            continue;
        }
        const Features features = net_.forward(canvas.patch(image, look.patch), taps, /*keep_for_backward=*/false);
        for (const std::size_t i : spread_) {
            if (is_due(i)) {
                terms_[i]->look(features, look.patch);
            }
        }
    }
    for (const std::size_t i : spread_) {
        if (is_due(i)) {
            terms_[i]->looked();
        }
    }
}

DreamObjective::Seen DreamObjective::see(const Tensor& image, const DreamCanvas& canvas, const Look& look) {
    std::vector<std::string> taps;
    std::vector<std::string> of_photo;
    for (const std::size_t i : look.terms) {
        add_taps(taps, terms_[i]->taps());
        if (terms_[i]->wants_photo()) {
            add_taps(of_photo, terms_[i]->taps());
        }
    }
    Seen seen;
    if (!of_photo.empty()) {
        seen.photo = net_.forward(canvas.patch(photo_, look.patch), of_photo, /*keep_for_backward=*/false);
    }
    seen.features = net_.forward(canvas.patch(image, look.patch), taps);
    return seen;
}

Tensor DreamObjective::gradient_of(std::size_t term, const Look& look, const Seen& seen, bool again, Tensor& value) {
    Features seeds;
    const Tensor minus = at::full({}, -1.0, value.options());
    value.sub_(terms_[term]->seed({look.patch, seen.features, seen.photo}, minus, seeds) *
               options_.layers[term].weight);
    return net_.backward(seeds, again);
}

/// Finds each term's factor by the size of its gradient over the canvas, patch by patch.
void DreamObjective::measure(const Tensor& image, const DreamCanvas& canvas, const std::vector<Look>& looks) {
    Tensor value = at::zeros({}, image.options());
    std::vector<Tensor> squares(terms_.size());
    for (const Look& look : looks) {
        const Seen seen = see(image, canvas, look);
        for (std::size_t k = 0; k < look.terms.size(); ++k) {
            const std::size_t i = look.terms[k];
            const Tensor gradient = gradient_of(i, look, seen, k + 1 < look.terms.size(), value);
            const Tensor part = look.part == DreamCanvas::Part::All ? gradient.square().sum()
                                                                    : own_part(gradient, look.patch).square().sum();
            squares[i] = squares[i].defined() ? squares[i] + part : part;
        }
    }
    const auto values = static_cast<double>(3 * canvas.size().height * canvas.size().width);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        factors_.push_back(-options_.layers[i].weight / ((squares[i] / values).sqrt() + kTiny));
    }
}

Tensor DreamObjective::joint_gradient(const Look& look, const Seen& seen, Tensor& value) {
    Features seeds;
    for (const std::size_t i : look.terms) {
        value.sub_(terms_[i]->seed({look.patch, seen.features, seen.photo}, factors_[i], seeds) *
                   options_.layers[i].weight);
    }
    return net_.backward(seeds);
}

Tensor DreamObjective::value_and_gradient(const Tensor& image, std::int64_t step, Tensor& gradient) {
    const DreamTurn turn(size_of(image), options_, view_.octave, step, image.device());
    const bool shows_photo = std::ranges::any_of(terms_, [](const auto& term) { return term->wants_photo(); });
    photo_ = shows_photo ? turn.of(view_.photo) : Tensor();
    Tensor of_seen;
    Tensor value = seen_value_and_gradient(turn.of(image), turn, step, of_seen);
    gradient = turn.back(of_seen);
    return value;
}

Tensor DreamObjective::seen_value_and_gradient(const Tensor& image, const DreamTurn& turn, std::int64_t step,
                                               Tensor& gradient) {
    const Size size = size_of(image);
    const DreamCanvas canvas = canvas_at(size, step);
    const std::vector<Look> looks = looks_at(canvas, turn, size, step);
    const bool first = factors_.empty();
    look_first(image, canvas, looks, first);

    Tensor value = at::zeros({}, image.options());
    const bool whole = grid_.tile == 0 && local_.empty();
    if (first && !options_.formula.balance_layers) {
        for (const DreamTarget& target : options_.layers) {
            factors_.push_back(at::full({}, -target.weight, image.options()));
        }
    } else if (first && whole) {
        gradient = first_whole_gradient(image, canvas, looks.front(), value);
        return value;
    } else if (first) {
        measure(image, canvas, looks);
    }
    if (whole) {
        gradient = canvas.picture_part(joint_gradient(looks.front(), see(image, canvas, looks.front()), value));
        return value;
    }
    gradient = at::zeros_like(image);
    for (const Look& look : looks) {
        canvas.add(gradient, joint_gradient(look, see(image, canvas, look), value), look.patch, look.part);
    }
    return value;
}

/// Of a picture that goes through the net at once the gradients of the terms are measured and used in one pass.
Tensor DreamObjective::first_whole_gradient(const Tensor& image, const DreamCanvas& canvas, const Look& look,
                                            Tensor& value) {
    const Seen seen = see(image, canvas, look);
    std::vector<Tensor> gradients;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        gradients.push_back(gradient_of(i, look, seen, i + 1 < terms_.size(), value));
        factors_.push_back(-options_.layers[i].weight / (root_mean_square(gradients.back()) + kTiny));
    }
    Tensor sum;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
        // A gradient is that of minus the term already.
        const Tensor part = canvas.picture_part(gradients[i]).mul_(-factors_[i]);
        sum = sum.defined() ? sum.add_(part) : part;
    }
    return sum;
}

}  // namespace reverie
