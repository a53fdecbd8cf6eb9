#include "cli/style/run_style.h"

#include <utility>

#include "cli/pictures/film_run.h"
#include "cli/style/checkpointing.h"
#include "cli/style/style_files.h"
#include "cli/style/style_painter.h"
#include "cli/style/style_request.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/error.h"

namespace reverie {
namespace {

/// Pixels up to which a picture is better made on one thread beside others. Two cores gain 1.4 in speed at 256x192
/// pixels, 1.2 at 362x272 and nothing at 512x384.
constexpr std::int64_t kSmall = 384 * 384;

}  // namespace

void refuse_with_film(const StyleFlags& flags) {
    for (const auto& [flag, given] :
         {std::pair<std::string, bool>{"--checkpoint", !flags.checkpoint.empty()}, {"--trace", !flags.trace.empty()}}) {
        if (given) {
            throw Error(ErrorKind::Usage, flag +
                                              " follows the steps of single pictures, and the input is a film, "
                                              "which keeps its state in NAME.state; leave it out");
        }
    }
    if (flags.each_style) {
        throw Error(
            ErrorKind::Usage,
            "--each-style makes a picture with each style, and the input is a film; run it once for each style");
    }
}

int run_style(Session& session, const StyleFlags& flags, const PictureOptions& pictures, const NetworkOptions& network,
              const WeightStore& store) {
    const StyleRequest request = check_request(session, flags, pictures, network, store);
    StyleFiles files(flags, session.common().overwrite);
    refuse_what_is_read(session, request, files);
    if (!session.common().dry_run) {
        files.lock();
    }
    Checkpointing checkpointing(session, flags.checkpoint, flags.resume);
    StylePainter painter(session, request, store, checkpointing);
    const auto arrange = [&](std::vector<BatchItem>& items, const std::vector<BatchItem>& skipped) {
        for (const auto* some : {&std::as_const(items), &skipped}) {
            for (const BatchItem& item : *some) {
                files.refuse(item.input, "an input");
                files.refuse(item.output, "an output");
            }
        }
        checkpointing.find(items, skipped);
        if (!items.empty()) {
            painter.read_shared();
        }
    };
    return run_pictures(session, pictures,
                        {.variants = request.variants,
                         .prepare = [&](std::size_t variant) { return painter.task(variant); },
                         .arrange = arrange,
                         .resume = flags.resume,
                         .small = request.follows_one() ? 0 : kSmall});
}

int run_style_film(Session& session, const StyleFlags& flags, const PictureOptions& pictures,
                   const NetworkOptions& network, const WeightStore& store) {
    refuse_with_film(flags);
    const FilmOptions film = film_options(flags.film.options);
    if (film.carry > 0.0 && session.given("init")) {
        throw Error(ErrorKind::Usage, "--carry and --init both say what a frame starts with; leave one of them out");
    }
    const StyleRequest request = check_request(session, flags, pictures, network, store);
    const FilmRequest frames =
        check_film_request(session, pictures, flags.film, film, flags.resume, request.options.preview_every);
    Checkpointing none(session, {}, /*resume=*/false);
    StylePainter painter(session, request, store, none);
    painter.paints_film();
    painter.read_shared();
    return run_film(session, frames, {.prepare = [&](std::size_t variant) { return painter.task(variant); }});
}

}  // namespace reverie
