#include <limits>
#include <string>
#include <vector>

#include "cli/pictures/film_run.h"
#include "cli/style/fast_painting.h"
#include "cli/style/run_style.h"
#include "cli/style/style_inputs.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

/// Pixels up to which pictures are made side by side: reading and writing them is done by one thread anyway.
constexpr std::int64_t kSmall = 4'000'000;

/// Flags that speak of something else would be passed over in silence otherwise.
void refuse_what_means_nothing(const Session& session, const StyleFlags& flags, bool paints_film) {
    const auto refuse = [&](const std::vector<std::string>& names, const std::string& why) {
        for (const std::string& name : names) {
            if (session.given(name) && !(paints_film && name == "resume")) {
                throw Error(ErrorKind::Usage,
                            "--" + name + " means nothing with " + why + "; leave one of the two out");
            }
        }
    };
    if (flags.refine == 0) {
        refuse(optimising_flags(), "--model, which paints in one pass of a net, unless --refine goes on from there");
    } else {
        refuse({"mask", "each-style", "init", "trace", "checkpoint", "checkpoint-every", "resume", "steps",
                "first-steps", "falloff", "min-size"},
               "--refine, which takes so many steps from what the net of --model has painted");
        validate(flags);
        for (const StyleInput& style : style_inputs(flags)) {
            check_style(style, 1, std::numeric_limits<std::int64_t>::max());
        }
    }
    refuse({"only-color"}, "--model");
    if (paints_film) {
        refuse({"carry"}, "--model, whose net paints each frame from the film itself");
        refuse_with_film(flags);
    } else {
        refuse_film_flags(flags.film, /*but_encoding=*/false);
    }
}

}  // namespace

int run_model(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
              const WeightStore& store) {
    const bool paints_film = takes_film(pictures.inputs, session.common().output);
    refuse_what_means_nothing(session, flags, paints_film);
    FastPainting painting(session, flags, pictures, network, store);
    const PictureProgram program = {.prepare = [&](std::size_t) { return painting.task(); },
                                    .small = flags.refine > 0 ? 0 : kSmall};
    if (paints_film) {
        const FilmRequest request = check_film_request(session, pictures, flags.film, film_options(flags.film.options),
                                                       flags.resume, /*preview_every=*/0);
        return run_film(session, request, program);
    }
    return run_pictures(session, pictures, program);
}

}  // namespace reverie
