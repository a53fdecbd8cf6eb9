// What --film asks for: its flags, and what is checked before the work.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/dream/dream_inputs.h"
#include "cli/pictures/film_flags.h"
#include "reverie/cli/app.h"
#include "reverie/cli/batch.h"
#include "reverie/cli/network_flags.h"
#include "reverie/cli/picture_flags.h"
#include "reverie/output/film_writer.h"
#include "reverie/techniques/dream_film.h"

namespace reverie {

struct DreamFilmFlags {
    GivenOptions options;      ///< those of dream_film_option_table()
    bool resume = false;       ///< go on from the key dreams that are there
    bool keep_dreams = false;  ///< leave them there

    bool wanted() const { return options.has("film"); }
};

void add_flags(CLI::App& app, DreamFilmFlags& flags);

/// What was given, checked. Throws Usage.
DreamFilmOptions film_options(const DreamFilmFlags& flags);

/// Throws Usage for flags that say something of a film where none is made; where one is `painted` that is there
/// already, some of them stay.
void refuse_without_film(const DreamFilmFlags& flags, bool painted);

/// All but `dream_options` must outlive it.
struct DreamFilmRequest {
    const DreamFilmFlags& flags;
    const DreamFilmOptions& film;
    const FilmOptions& encoding;  ///< --codec and --crf
    const PictureOptions& pictures;
    const DreamInputs& inputs;
    const NetworkOptions& network;
    const WeightStore& store;
    std::vector<std::string> networks;  ///< what --network auto chooses from
    std::function<DreamOptions(const std::string& network)> dream_options;
};

/// What a FilmWriter is told.
FilmWriteOptions writing_of(const DreamFilmRequest& request, Replacing replacing);

/// The input, its size known where it can be, and the output. Flags that a film cannot follow, layers the graph does
/// not have, an input that is none and an output that cannot be written are refused: throws Usage, Input and Output.
BatchItem check_film(Session& session, const DreamFilmRequest& request, const DreamOptions& dream, const Graph& graph);

}  // namespace reverie
