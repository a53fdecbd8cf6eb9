#include "cli/dream/dream_film.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "cli/dream/dream_film_keys.h"
#include "cli/dream/dream_film_plan.h"
#include "cli/frame/option_flags.h"
#include "cli/pictures/film_telling.h"
#include "cli/pictures/identity.h"
#include "cli/pictures/picture_run.h"
#include "cli/pictures/plan_text.h"
#include "core/json_text.h"
#include "reverie/core/error.h"
#include "reverie/core/files.h"
#include "reverie/core/text.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/output/animation.h"
#include "reverie/output/film_writer.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Of a dream whose transparent parts are seen on white: frames have none.
Picture opaque(Session& session, Picture picture) {
    if (picture.alpha.defined()) {
        session.console().info("what is transparent in the input is seen on white: films move on over it");
        picture.color = at::lerp(at::ones_like(picture.color), picture.color, picture.alpha);
        picture.alpha = Tensor();
    }
    return picture;
}

/// "frames" for "frames/".
fs::path named(const fs::path& film) { return film.has_filename() ? film : film.parent_path(); }

/// "flight.mp4" -> "flight.partial.mp4", "frames/" -> "frames.partial/".
fs::path partial_name(const fs::path& film) {
    const bool folder = !film.has_filename() || !film.has_extension();
    return folder ? fs::path(named(film).string() + ".partial") / "" : with_tag(film, "partial");
}

class FilmMaker {
  public:
    FilmMaker(Session& session, const DreamFilmRequest& request, const BatchItem& item)
        : session_(session),
          request_(request),
          item_(item),
          weights_(resolve_network(session, request.network, request.store, request.networks)),
          dream_(request.dream_options(weights_.network)),
          net_(load_net(
              session, weights_, [this](Graph& graph) { prepare_graph(graph, dream_); }, request.network.engine)),
          memory_(memory_limit(session, request.pictures)),
          shared_(request.inputs, request.pictures.max_pixels) {}

    int run() {
        const auto begin = Clock::now();
        // A stream is read before its size is known, anything else only when there is work.
        const std::optional<Size> known = wanted_size_of(request_.pictures, item_);
        std::optional<Picture> picture;
        if (!known || !session_.common().dry_run) {
            picture = opaque(session_, read_input(session_, request_.pictures, item_));
        }
        const Size frame = picture ? size_of(picture->color) : *known;
        check_frame(item_.output, frame);
        const DreamFilm film(frame, dream_, request_.film);
        const FilmCost cost = film_cost(film, net_, memory_);
        session_.save_config(settings());
        if (session_.common().dry_run) {
            say_plan(film, cost);
            return 0;
        }
        if (request_.flags.resume) {
            const fs::path target = written_path(item_.output);
            remove_abandoned(target.has_parent_path() ? target.parent_path() : ".", {target.filename()});
        }
        DreamFilmKeys keys(DreamFilmKeys::folder_of(item_.output), identity(*picture, cost),
                           {.resume = request_.flags.resume,
                            .overwrite = session_.common().overwrite,
                            .keep = request_.flags.keep_dreams,
                            .count = film.key_dreams(),
                            .size = film.key_size()});
        if (keys.count() > 0) {
            session_.console().info("goes on from " + std::to_string(std::min(keys.count(), film.key_dreams())) +
                                    " of " + std::to_string(film.key_dreams()) + " dreams in '" +
                                    keys.folder().string() + "'");
        }
        dream_keys(film, cost, shared_.job_for(*picture), keys);
        const Written written = write_whole(film, keys);
        if (!written.path) {
            leave_part(film, keys, written, seconds_since(begin));
            throw Error(ErrorKind::Cancelled, "stopped with " +
                                                  std::to_string(std::min(keys.count(), film.key_dreams())) + " of " +
                                                  std::to_string(film.key_dreams()) + " dreams made" +
                                                  (keys.count() > 0 ? "; --resume goes on from there" : ""));
        }
        if (*written.path != named(item_.output)) {
            session_.console().warning("'" + item_.output +
                                       "' came to be in the meantime and is kept; the film made here "
                                       "is '" +
                                       written.path->string() + "'");
        }
        keys.finish();
        report(film, *written.path, film.frames(), film.key_dreams(), seconds_since(begin), /*partial=*/false);
        return 0;
    }

  private:
    /// What shapes the key dreams, as flags.
    Settings dream_settings() const {
        Settings settings = made_with(session_, request_.network, weights_);
        settings.set("size", wanted_size(request_.pictures));
        add_settings(settings, dream_option_table(), dream_);
        shared_.add_settings(settings);
        settings.set("seed", std::to_string(dream_.seed));
        add_film_settings(settings, /*shaping=*/true);
        return settings;
    }

    void add_film_settings(Settings& settings, bool shaping) const {
        for (const OptionRow<DreamFilmOptions>& row : dream_film_option_table()) {
            const std::vector<std::string> texts = row.field.texts(request_.film);
            if (row.shapes_result == shaping && !texts.empty()) {
                settings.set_list(row.name, texts);
            }
        }
    }

    Settings settings() const {
        Settings settings = dream_settings();
        add_film_settings(settings, /*shaping=*/false);
        settings.set("quality", request_.pictures.quality);
        if (!request_.encoding.codec.empty()) {
            settings.set("codec", request_.encoding.codec);
        }
        if (request_.encoding.crf) {
            settings.set("crf", *request_.encoding.crf);
        }
        return settings;
    }

    Settings identity(const Picture& picture, const FilmCost& cost) {
        Settings identity = dream_settings();
        if (request_.film.ease > 0.0) {
            identity.set("film", request_.film.seconds);  // where motion begins to end
        }
        add_machine(identity, session_.runtime(), net_.engine());
        identity.set_list("sides of tiles", cost.tiles);
        identity.set(bytes_of("the weights"), sha256_of_file(weights_.file));
        identity.set(pixels_of("the input"), digest_of(item_.blank ? Tensor() : picture.color));
        shared_.add_digests(identity);
        return identity;
    }

    /// Until all are there, or the work is stopped.
    void dream_keys(const DreamFilm& film, const FilmCost& cost, const DreamJob& job, DreamFilmKeys& keys) {
        const std::int64_t needed = film.key_dreams();
        const auto pixels_before = [&](std::int64_t key) {
            return key == 0 ? 0.0 : cost.first.pixel_steps + cost.next.pixel_steps * static_cast<double>(key - 1);
        };
        session_.console().begin("");
        while (keys.count() < needed && !session_.hooks().cancelled()) {
            const std::int64_t key = keys.count();
            Hooks hooks = session_.hooks();
            hooks.on_progress = [&](const Progress& inner) {
                Progress progress = inner;
                const double part = inner.total > 0.0 ? inner.done / inner.total : 0.0;
                progress.stage = "dream " + std::to_string(key + 1) + "/" + std::to_string(needed);
                progress.done = std::lerp(pixels_before(key), pixels_before(key + 1), part);
                progress.total = pixels_before(needed);
                session_.console().progress(progress);
            };
            const DreamResult dreamt =
                key == 0 ? film.first_key(job, net_, memory_, hooks)
                         : film.next_key(key, keys(key - 1), keys(0), job.guides, net_, memory_, hooks);
            if (!dreamt.cancelled) {
                keys.add(dreamt.image);
            }
        }
        session_.console().end();
    }

    struct Written {
        std::optional<fs::path> path;  ///< empty: stopped
        std::int64_t frames = 0;       ///< made until then
        fs::path part = {};            ///< a film of those; empty: there is none
    };

    /// The first frames of the film; the whole one can be stopped.
    Written write_film(const DreamFilm& film, DreamFilmKeys& keys, const fs::path& path, std::int64_t frames,
                       bool whole, Replacing replacing) {
        FilmWriter writer(path, writing_of(request_, replacing));
        std::map<std::int64_t, double> details;
        const auto key = [&](std::int64_t number) {
            const Tensor image = keys(number);
            const auto [known, fresh] = details.try_emplace(number, 0.0);
            if (fresh) {
                known->second = film.detail(image);
            }
            return KeyDream(image, known->second);
        };
        session_.console().begin("");
        for (std::int64_t frame = 0; frame < frames; ++frame) {
            if (whole && session_.hooks().cancelled()) {
                session_.console().end();
                return {std::nullopt, frame, writer.finish_partial()};
            }
            writer.add(film.frame(frame, key, /*looped=*/whole), {frame, 1});
            session_.console().progress({.stage = whole ? "frames" : "frames of what there is",
                                         .done = static_cast<double>(frame + 1),
                                         .total = static_cast<double>(frames),
                                         .unit = "frames"});
        }
        session_.console().end();
        for (const std::string& note : writer.notes()) {
            session_.console().warning(note);
        }
        return {writer.finish(), frames};
    }

    Written write_whole(const DreamFilm& film, DreamFilmKeys& keys) {
        if (session_.hooks().cancelled()) {
            return {std::nullopt, film.frames_within(keys.count())};
        }
        return write_film(film, keys, item_.output, film.frames(), /*whole=*/true,
                          session_.common().overwrite ? Replacing::Allowed : Replacing::Beside);
    }

    /// The frames that are there, or, where dreaming was stopped, those that can be made of the dreams.
    void leave_part(const DreamFilm& film, DreamFilmKeys& keys, const Written& written, double seconds) {
        if (keys.count() == 0) {
            return;
        }
        Written part = written;
        if (part.part.empty()) {
            part = write_film(film, keys, partial_name(item_.output), std::max<std::int64_t>(1, written.frames),
                              /*whole=*/false, Replacing::Allowed);
            part.part = *part.path;
        }
        report(film, part.part, part.frames, keys.count(), seconds, /*partial=*/true);
    }

    void report(const DreamFilm& film, const fs::path& written, std::int64_t frames, std::int64_t key_dreams,
                double seconds, bool partial) const {
        if (!session_.common().json) {
            session_.print(path_word(written.string()));
            return;
        }
        const Size size = film.frame_size();
        Json object = {{"input", item_.input},
                       {"output", written.string()},
                       {"width", size.width},
                       {"height", size.height},
                       {"frames", frames},
                       {"fps", value_text(request_.film.fps)},
                       {"film_seconds", static_cast<double>(frames) / request_.film.fps.value()},
                       {"dreams", key_dreams}};
        print_film_line(session_, std::move(object), written, seconds, partial, settings());
    }

    void say_plan(const DreamFilm& film, const FilmCost& cost) {
        const Settings plan = describe_film(film, cost, net_, shared_.guides()).said;
        const Size size = film.frame_size();
        if (session_.common().json) {
            Json object = {
                {"input", item_.input}, {"output", item_.output}, {"width", size.width}, {"height", size.height}};
            object.update(Json::parse(to_json(plan)));
            session_.print(json_text(object));
            return;
        }
        session_.print(path_word(item_.input) + " -> " + path_word(item_.output) + "  " + text_of(size));
        print_plan(session_, plan);
    }

    Session& session_;
    const DreamFilmRequest& request_;
    const BatchItem& item_;
    NetworkWeights weights_;
    DreamOptions dream_;
    FrozenNet net_;
    std::int64_t memory_;
    SharedDreamPictures shared_;
};

}  // namespace

int make_dream_film(Session& session, const DreamFilmRequest& request, const BatchItem& item) {
    return FilmMaker(session, request, item).run();
}

}  // namespace reverie
