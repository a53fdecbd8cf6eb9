#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "cli/pictures/film_run.h"
#include "cli/pictures/identity.h"
#include "cli/pictures/masks.h"
#include "cli/style/run_style.h"
#include "cli/style/style_inputs.h"
#include "reverie/cli/run_pictures.h"
#include "reverie/core/error.h"
#include "reverie/core/runtime.h"
#include "reverie/image/color.h"

namespace reverie {
namespace {

/// What a picture and the work on it take (27 measured without alpha, of 3 and 12 megapixels).
constexpr std::int64_t kBytesPerPixel = 40;

/// All pixels of a style in one row: only their statistics count.
Tensor row_of(const StyleSource& style) {
    std::vector<Tensor> rows;
    for (const Tensor& image : style.images) {
        rows.push_back(image.reshape({3, 1, -1}));
    }
    return at::cat(rows, 2);
}

/// What is transparent stays, what is protected stays as far as it is.
Tensor recolored(const Picture& picture, const Tensor& style, const Tensor& protect) {
    Tensor result = transfer_color(picture.color, style, picture.alpha);
    if (protect.defined()) {
        result = at::where(protect < 1.0, result + (picture.color - result) * protect, picture.color);
    }
    return picture.alpha.defined() ? at::where(picture.alpha > 0.0, result, picture.color) : result;
}

/// Flags that speak of the net's work would be passed over in silence otherwise.
void refuse_what_means_nothing(const Session& session, bool paints_film) {
    std::vector<std::string> names = {
        "style-coarse",     "style-fine", "mask",    "preview-every", "trace", "checkpoint",
        "checkpoint-every", "network",    "weights", "preprocessing", "init",  "carry"};
    if (!paints_film) {
        names.emplace_back("resume");
    }
    for (const OptionRow<StyleOptions>& row : style_option_table()) {
        names.push_back(row.name);
    }
    for (const std::string& name : names) {
        if (session.given(name)) {
            throw Error(ErrorKind::Usage, "--" + name +
                                              " means nothing with --only-color, which gives pictures the style's "
                                              "colours and runs no net; leave one of the two out");
        }
    }
}

}  // namespace

int run_only_color(Session& session, const StyleFlags& flags, const PictureOptions& pictures) {
    const bool paints_film = takes_film(pictures.inputs, session.common().output);
    refuse_what_means_nothing(session, paints_film);
    const std::vector<StyleInput> styles = style_inputs(flags);
    MaskFitter masks(session.console());
    PictureProgram program;
    program.small = std::numeric_limits<std::int64_t>::max();  // files are read and written by one thread anyway
    if (flags.each_style) {
        program.variants = style_variants(styles);
    } else {
        check_style(styles.front(), 1, pictures.max_pixels);
    }
    program.prepare = [&](std::size_t variant) {
        const Tensor style = row_of(read_style(styles[variant], pictures.max_pixels));
        const Mask protect = {flags.protect,
                              flags.protect.empty() ? Tensor() : read_mask(flags.protect, pictures.max_pixels)};
        PictureTask task;
        task.settings.set("program", session.program());
        task.settings.set("version", version());
        task.settings.set("only-color", "true");
        task.settings.set("size", wanted_size(pictures));
        add_settings(task.settings, {styles[variant]});
        if (protect.values.defined()) {
            task.settings.set("protect", flags.protect.filename().string());
        }
        task.settings.set("quality", pictures.quality);
        task.work = [&, style, protect](const Picture& picture, const BatchItem&, const Hooks&) {
            const Tensor here = protect.values.defined() ? masks.fitted(protect, size_of(picture.color)) : Tensor();
            return PictureResult{.image = recolored(picture, style, here)};
        };
        task.frame = [work = task.work](const Picture& picture, const Tensor& /*start*/, const Hooks& hooks) {
            return work(picture, {}, hooks);
        };
        task.identity = [settings = task.settings, style, protect](Size) {
            Settings identity = settings;
            identity.set(pixels_of("the style"), digest_of(style));
            identity.set(pixels_of("--protect"), digest_of(protect.values));
            return identity;
        };
        task.plan = [](Size) { return PicturePlan(); };
        task.bytes = [](Size size) { return size.height * size.width * kBytesPerPixel; };
        task.max_memory = memory_limit(session, pictures);
        return task;
    };
    if (paints_film) {
        refuse_with_film(flags);
        const FilmRequest request = check_film_request(session, pictures, flags.film, film_options(flags.film.options),
                                                       flags.resume, /*preview_every=*/0);
        return run_film(session, request, program);
    }
    return run_pictures(session, pictures, program);
}

}  // namespace reverie
