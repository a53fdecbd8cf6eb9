// What a film of dreams will take, and what --dry-run says of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reverie/cli/run_pictures.h"
#include "reverie/techniques/dream_film.h"

namespace reverie {

struct FilmCost {
    DreamPlan first, next;           ///< of the first key dream and of the last layers' others
    std::int64_t bytes = 0;          ///< the most that any of them takes
    std::vector<std::string> tiles;  ///< sides of their tiles, which decide what is dreamt
};

/// Throws like plan_dream() for each kind of key dream that the film has.
FilmCost film_cost(const DreamFilm& film, const FrozenNet& net, std::int64_t max_memory);

/// Frames, key dreams, disk, memory, tiles and time.
PicturePlan describe_film(const DreamFilm& film, const FilmCost& cost, FrozenNet& net,
                          const std::vector<Tensor>& guides);

}  // namespace reverie
