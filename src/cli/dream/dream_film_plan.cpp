#include "cli/dream/dream_film_plan.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>

#include "cli/dream/dream_film_keys.h"
#include "cli/pictures/plan_text.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

/// To mix a frame, and as long again to encode it.
double frame_seconds(const DreamFilm& film) {
    using Clock = std::chrono::steady_clock;
    const Tensor grey = at::full({3, film.key_size().height, film.key_size().width}, 0.5);
    const auto begin = Clock::now();
    film.frame(
        std::min<std::int64_t>(1, film.frames() - 1), [&grey](std::int64_t /*number*/) { return grey; },
        /*looped=*/false);
    return 2.0 * std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string steps_of(const DreamPlan& plan) {
    return std::to_string(plan.steps) + " in each of " + std::to_string(plan.octaves.size()) +
           (plan.octaves.size() == 1 ? " octave" : " octaves");
}

}  // namespace

FilmCost film_cost(const DreamFilm& film, const FrozenNet& net, std::int64_t max_memory) {
    FilmCost cost;
    const auto plan = [&](const DreamOptions& options) {
        DreamPlan planned = plan_dream(film.key_size(), net, options, max_memory);
        cost.bytes = std::max(cost.bytes, planned.peak_bytes);
        cost.tiles.push_back(std::to_string(planned.tile));
        return planned;
    };
    const DreamOptions first = film.options_of(0);
    cost.first = plan(first);
    for (const std::vector<DreamTarget>& mix : layer_mixes(film.options(), first.layers)) {
        DreamOptions options = film.options_of(1);
        options.layers = mix;
        cost.next = plan(options);
    }
    return cost;
}

PicturePlan describe_film(const DreamFilm& film, const FilmCost& cost, FrozenNet& net,
                          const std::vector<Tensor>& guides) {
    const std::int64_t dreams = film.key_dreams();
    const double seconds =
        dream_seconds(cost.first, net, film.options_of(0), guides) +
        dream_seconds(cost.next, net, film.options_of(dreams - 1), guides) * static_cast<double>(dreams - 1) +
        frame_seconds(film) * static_cast<double>(film.frames());
    const auto disk = static_cast<std::uint64_t>(DreamFilmKeys::bytes_of(dreams, film.key_size()));
    PicturePlan plan{.how_surely = "about", .seconds = seconds};
    Settings& said = plan.said;
    said.set("frames", std::to_string(film.frames()) + " at " + value_text(film.options().fps) + " a second");
    said.set("dreams", std::to_string(dreams) + " of " + text_of(film.key_size()));
    said.set("steps", steps_of(cost.next) + "; of the first dream " + steps_of(cost.first));
    said.set("disk", "up to " + human_bytes(disk) + " for the dreams, until the film is done");
    add_cost(plan, cost.bytes, cost.next.tile);
    return plan;
}

}  // namespace reverie
