#include <ATen/ATen.h>

#include <filesystem>
#include <set>

#include "reverie/cli/run_pictures.h"
#include "reverie/cli/run_style.h"
#include "reverie/cli/style_inputs.h"
#include "reverie/core/runtime.h"
#include "reverie/image/color.h"

namespace reverie {
namespace {

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

}  // namespace

int run_only_color(Session& session, const StyleFlags& flags, const PictureOptions& pictures) {
    const std::vector<StyleInput> styles = style_inputs(flags);
    std::set<std::string> said;
    PictureProgram program;
    if (flags.each_style) {
        program.variants = style_variants(styles);
    } else {
        check_style(styles.front(), 1, pictures.max_pixels);
    }
    program.prepare = [&](std::size_t variant) {
        const Tensor style = row_of(read_style(styles[variant], pictures.max_pixels));
        const Tensor protect = flags.protect.empty() ? Tensor() : read_mask(flags.protect, pictures.max_pixels);
        PictureTask task;
        task.settings.set("program", session.program());
        task.settings.set("version", version());
        task.settings.set("only-color", "true");
        task.settings.set("size", wanted_size(pictures));
        put_down(task.settings, {styles[variant]});
        if (protect.defined()) {
            task.settings.set("protect", flags.protect.filename().string());
        }
        task.settings.set("quality", pictures.quality);
        task.work = [&, style, protect](const Picture& picture, const BatchItem&, const Hooks&) {
            const Size size = size_of(picture.color);
            const std::string note = protect.defined() ? resampling_note(flags.protect, protect, size) : "";
            if (!note.empty() && said.insert(note).second) {
                session.console().info(note);
            }
            const Tensor here = protect.defined() ? mask_at(protect, size) : Tensor();
            return PictureResult{.image = recolored(picture, style, here)};
        };
        task.plan = [](Size) { return Settings(); };
        return task;
    };
    return run_pictures(session, pictures, program);
}

}  // namespace reverie
