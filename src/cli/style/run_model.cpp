#include <limits>
#include <string>
#include <vector>

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
void refuse_what_means_nothing(const Session& session, const StyleFlags& flags) {
    const auto refuse = [&session](const std::vector<std::string>& names, const std::string& why) {
        for (const std::string& name : names) {
            if (session.given(name)) {
                throw Error(ErrorKind::Usage,
                            "--" + name + " means nothing with " + why + "; leave one of the two out");
            }
        }
    };
    if (flags.refine == 0) {
        refuse(optimising_flags(), "--model, which paints in one pass of a net, unless --refine goes on from there");
    } else {
        refuse({"mask", "each-style", "content-network", "content-network-layers", "content-network-share", "init",
                "trace", "checkpoint", "checkpoint-every", "resume", "steps", "first-steps", "falloff", "min-size"},
               "--refine, which takes so many steps from what the net of --model has painted");
        validate(flags);
        for (const StyleInput& style : style_inputs(flags)) {
            check_style(style, 1, std::numeric_limits<std::int64_t>::max());
        }
    }
    refuse({"only-color"}, "--model");
}

}  // namespace

int run_model(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
              const WeightStore& store) {
    refuse_what_means_nothing(session, flags);
    FastPainting painting(session, flags, pictures, network, store);
    return run_pictures(
        session, pictures,
        {.prepare = [&](std::size_t) { return painting.task(); }, .small = flags.refine > 0 ? 0 : kSmall});
}

}  // namespace reverie
