#include "cli/style/fast_painting.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "cli/frame/option_flags.h"
#include "cli/pictures/identity.h"
#include "cli/pictures/masks.h"
#include "cli/pictures/plan_text.h"
#include "cli/style/style_inputs.h"
#include "cli/style/style_plan.h"
#include "cli/style/style_request.h"
#include "reverie/core/error.h"
#include "reverie/core/runtime.h"
#include "reverie/core/text.h"
#include "reverie/train/run_weights.h"
#include "reverie/weights/sha256.h"

namespace reverie {
namespace {

/// One scale, the full one, and so many steps of it.
StyleOptions refining(StyleOptions options, std::int64_t steps) {
    options.min_size = kOneScale;
    options.steps = steps;
    options.first_steps = 0;
    options.falloff = 0.0;
    return options;
}

}  // namespace

FastPainting::FastPainting(Session& session, const StyleFlags& flags, const PictureOptions& pictures,
                           const NetworkOptions& network, const WeightStore& store)
    : session_(session),
      flags_(flags),
      pictures_(pictures),
      network_(network),
      store_(store),
      model_(parse_model(flags.model)),
      options_(style_options(flags, session.common().runtime.seed)),
      memory_(memory_limit(session, pictures)) {
    model_file_ = run_weights_file(model_.path, RunWeights::Average, session.program());
    const StyleNetWeights net = read_style_net(read_run_weights(model_file_, RunWeights::Average, session.program()));
    net_styles_ = net.options.styles;
    FastPainterOptions options{.styles = model_.styles,
                               .strength = options_.strength,
                               .color = flags.refine > 0 ? StyleColor::Style : options_.color,
                               .max_memory = memory_,
                               .engine = network.engine};
    painter_ = std::make_unique<FastPainter>(net, options, session.runtime().device);
    if (!flags.masks.empty() && flags.masks.size() != painter_->options().styles.size()) {
        throw Error(ErrorKind::Usage, "--mask is given " + std::to_string(flags.masks.size()) + " times and --model " +
                                          std::to_string(painter_->options().styles.size()) +
                                          " of the net's styles; give one mask for each style that is named");
    }
    for (const std::string& mask : flags.masks) {
        masks_.push_back({mask, read_mask(mask, pictures.max_pixels)});
    }
    if (!flags.protect.empty()) {
        protect_ = Mask{flags.protect, read_mask(flags.protect, pictures.max_pixels)};
    }
    warn_of_left_out(session, "mask", !flags.masks.empty());
    warn_of_left_out(session, "protect", !flags.protect.empty());
    if (model_.styles.empty() && net_styles_.size() > 1) {
        session.console().info("painting '" + net_styles_.front() +
                               "', the first of the net's styles: " + join(net_styles_, ", ", " and "));
    }
}

void FastPainting::prepare_refinement(Settings& settings) {
    Refinement& refinement = refinement_.emplace();
    const std::vector<StyleInput> styles = style_inputs(flags_);
    for (const StyleInput& style : styles) {
        refinement.sources.push_back(read_style(style, pictures_.max_pixels));
    }
    const std::string second = choose_content_network(session_, flags_, options_, store_);
    refinement.options = refining(options_, flags_.refine);
    validate(refinement.options);
    NetPool pool = load_style_nets(session_, network_, second, refinement.options, store_);
    refinement.nets = std::move(pool.nets);
    refinement.stylizer.emplace(refinement.nets->first().both(), refinement.sources, refinement.options, memory_);
    settings = std::move(pool.settings);
    add_settings(settings, styles);
    add_settings(settings, options_, flags_, second);
    settings.set("refine", flags_.refine);
}

PictureTask FastPainting::task() {
    PictureTask task;
    task.settings.set("program", session_.program());
    task.settings.set("version", version());
    if (flags_.refine > 0) {
        prepare_refinement(task.settings);
    }
    Settings& settings = task.settings;
    settings.set("model", model_.text());
    settings.set("size", wanted_size(pictures_));
    Settings all;
    add_settings(all, style_option_table(), options_);
    for (const char* name : {"strength", "color"}) {
        settings.set(name, all.value(name));
    }
    std::vector<std::string> masks;
    for (const Mask& mask : masks_) {
        masks.push_back(mask.path.filename().string());
    }
    if (!masks.empty()) {
        settings.set_list("mask", masks);
    }
    if (protect_) {
        settings.set("protect", protect_->path.filename().string());
    }
    settings.set("quality", pictures_.quality);
    task.work = [this](const Picture& picture, const BatchItem&, const Hooks& hooks) { return paint(picture, hooks); };
    task.frame = [this](const Picture& picture, const Tensor& /*start*/, const Hooks& hooks) {
        return paint(picture, hooks);
    };
    task.identity = [this, settings = task.settings](Size) {
        Settings identity = settings;
        identity.set(bytes_of("the model"), sha256_of_file(model_file_));
        for (const Mask& mask : masks_) {
            identity.set(pixels_of("'" + mask.path.string() + "'"), digest_of(mask.values));
        }
        identity.set(pixels_of("--protect"), protect_ ? digest_of(protect_->values) : "");
        if (refinement_) {
            std::vector<std::string> styles;
            for (const StyleSource& style : refinement_->sources) {
                std::ranges::transform(style.images, std::back_inserter(styles), digest_of);
            }
            identity.set_list(pixels_of("the styles"), styles);
        }
        add_machine(identity, session_.runtime(), network_.engine);
        return identity;
    };
    task.bytes = [this](Size size) {
        const std::int64_t bytes = painter_->plan(size).peak_bytes;
        return refinement_ ? std::max(bytes, refinement_->stylizer->plan(size).peak_bytes) : bytes;
    };
    task.max_memory = memory_;
    task.plan = [this](Size size) { return plan(size); };
    return task;
}

PictureResult FastPainting::paint(const Picture& picture, const Hooks& hooks) {
    const Size size = size_of(picture.color);
    FastPainterJob job{.photo = picture.color, .alpha = picture.alpha};
    if (protect_) {
        job.protect = masks_to_size_.fitted(*protect_, size);
    }
    for (const Mask& mask : masks_) {
        job.masks.push_back(masks_to_size_.fitted(mask, size));
    }
    Hooks quiet;
    quiet.cancel = hooks.cancel;
    const Tensor painted = painter_->paint(job, refinement_ ? quiet : hooks);
    if (!painted.defined()) {
        return {.image = picture.color, .cancelled = true};
    }
    return refinement_ ? refine(picture, job, painted, hooks) : PictureResult{.image = painted, .steps = 1};
}

PictureResult FastPainting::refine(const Picture& picture, const FastPainterJob& job, const Tensor& painted,
                                   const Hooks& hooks) {
    StyleHooks watched;
    static_cast<Hooks&>(watched) = hooks;
    const auto net = refinement_->nets->take();
    const StyleResult styled = refinement_->stylizer->stylize(
        {.content = picture.color, .alpha = picture.alpha, .protect = job.protect, .masks = {}, .init = painted},
        (*net).both(), watched);
    PictureResult result{.image = styled.image, .steps = styled.steps, .cancelled = styled.cancelled};
    if (styled.tile > 0) {
        result.settings.set("max-memory", memory_);  // decides where the tiles lie
    }
    return result;
}

PicturePlan FastPainting::plan(Size size) {
    const FastPainterPlan planned = painter_->plan(size);
    if (refinement_) {
        return describe_plan(size, *refinement_->stylizer,
                             measure_cost(refinement_->nets->first().both(), refinement_->sources, refinement_->options,
                                          session_.hooks()));
    }
    constexpr std::int64_t kSide = 512;
    const int threads = at::get_num_threads();
    if (!pixel_seconds_.contains(threads)) {
        const auto begin = std::chrono::steady_clock::now();
        painter_->paint({.photo = at::rand({3, kSide, kSide})});
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        pixel_seconds_[threads] = seconds / static_cast<double>(kSide * kSide);
    }
    constexpr double kStrips = 1.8;  // made anew, large maps take that much longer
    PicturePlan described{.how_surely = "about",
                          .seconds = pixel_seconds_[threads] * static_cast<double>(size.height * size.width) *
                                     (planned.strips ? kStrips : 1.0)};
    add_cost(described, planned.peak_bytes, 0);
    return described;
}

}  // namespace reverie
