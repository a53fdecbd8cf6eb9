#include "cli/style/style_painter.h"

#include <ATen/Parallel.h>

#include <utility>

#include "cli/pictures/masks.h"
#include "reverie/core/error.h"
#include "reverie/nn/frozen_net.h"
#include "reverie/weights/sha256.h"

namespace reverie {

StylePainter::StylePainter(Session& session, const StyleRequest& request, const WeightStore& store,
                           Checkpointing& checkpointing)
    : session_(session),
      request_(request),
      store_(store),
      checkpointing_(checkpointing),
      identifies_(checkpointing.on()) {}

void StylePainter::read_shared() {
    const StyleFlags& flags = request_.flags;
    const std::int64_t max_pixels = request_.pictures.max_pixels;
    if (!flags.protect.empty()) {
        protect_ = Mask{flags.protect, read_mask(flags.protect, max_pixels)};
    }
    if (const auto file = init_file(flags)) {
        init_ = read_picture(*file, {.max_pixels = max_pixels}).color;
    }
}

void StylePainter::load_once() {
    if (nets_) {
        return;
    }
    const StyleFlags& flags = request_.flags;
    NetPool pool = load_style_nets(session_, request_.network, request_.content_network, request_.options, store_);
    nets_ = std::move(pool.nets);
    net_settings_ = std::move(pool.settings);
    if (identifies_) {
        for (const std::filesystem::path& file : pool.files) {
            weights_digests_.push_back(sha256_of_file(file));
        }
    }
    memory_ = memory_limit(session_, request_.pictures);
    if (const std::optional<std::int64_t> theirs = checkpointing_.max_memory()) {
        const bool asked = request_.pictures.max_memory.back() != '%';  // a share differs from run to run
        if (asked && memory_ != *theirs) {
            session_.console().warning("--max-memory " + request_.pictures.max_memory +
                                       " is left out: the checkpoint's " + std::to_string(*theirs) +
                                       " bytes decide where its tiles lie");
        }
        memory_ = *theirs;
    }
    if (!flags.trace.empty() && !session_.common().dry_run) {
        trace_.emplace(flags.trace, flags.resume);
    }
}

PictureTask StylePainter::task(std::size_t variant) {
    request_.check_styles(variant);
    load_once();
    const std::vector<StyleInput> styles = request_.styles_of(variant);
    const std::int64_t max_pixels = request_.pictures.max_pixels;
    const auto shared = std::make_shared<Variant>();
    for (const StyleInput& style : styles) {
        shared->sources.push_back(read_style(style, max_pixels));
        if (!style.mask.empty()) {
            shared->masks.push_back({style.mask, read_mask(style.mask, max_pixels)});
        }
    }
    shared->stylizer.emplace(nets_->first().both(), shared->sources, request_.options, memory_);

    PictureTask task;
    task.settings = net_settings_;
    add_settings(task.settings, styles);
    task.settings.set("size", wanted_size(request_.pictures));
    add_settings(task.settings, request_.options, request_.flags, request_.content_network);
    if (protect_) {
        task.settings.set("protect", protect_->path.filename().string());
    }
    if (identifies_) {
        shared->identity = identity_of(*shared, task.settings);
    }
    task.settings.set("quality", request_.pictures.quality);
    task.work = [this, shared](const Picture& picture, const BatchItem& item, const Hooks& hooks) {
        return paint_picture(*shared, picture, item, hooks);
    };
    task.frame = [this, shared](const Picture& picture, const Tensor& start, const Hooks& hooks) {
        StyleJob job = job_for(*shared, picture);
        job.init = start.defined() ? start : job.init;
        StyleHooks watched;
        static_cast<Hooks&>(watched) = hooks;
        return paint(*shared, job, watched);
    };
    task.identity = [shared](Size size) {
        Settings identity = shared->identity;
        identity.set("side of tiles", shared->stylizer->plan(size).tile);
        return identity;
    };
    task.bytes = [shared](Size size) { return shared->stylizer->plan(size).peak_bytes; };
    task.max_memory = memory_;
    task.plan = [this, shared](Size size) {
        shared->stylizer->plan(size);  // what cannot be done is refused before anything is measured
        return describe_plan(size, *shared->stylizer, cost_of(*shared));
    };
    task.written = [this] { checkpointing_.remove(); };
    return task;
}

StyleCost StylePainter::cost_of(const Variant& variant) {
    const int threads = at::get_num_threads();
    if (!costs_.contains(threads)) {
        costs_[threads] = measure_cost(nets_->first().both(), variant.sources, request_.options, session_.hooks());
    }
    return costs_[threads];
}

Settings StylePainter::identity_of(const Variant& variant, const Settings& settings) const {
    Settings identity = settings;
    add_machine(identity, session_.runtime(), nets_->first().style.engine());
    identity.set_list(bytes_of("the weights"), weights_digests_);
    for (std::size_t i = 0; i < variant.sources.size(); ++i) {
        std::vector<std::string> digests;
        for (const Tensor& image : variant.sources[i].images) {
            digests.push_back(digest_of(image));
        }
        identity.set_list(pixels_of("style " + std::to_string(i + 1)), digests);
    }
    for (std::size_t i = 0; i < variant.masks.size(); ++i) {
        identity.set(pixels_of("mask " + std::to_string(i + 1)), digest_of(variant.masks[i].values));
    }
    identity.set(pixels_of("--protect"), protect_ ? digest_of(protect_->values) : "");
    identity.set(pixels_of("--init"), digest_of(init_));
    return identity;
}

StyleJob StylePainter::job_for(const Variant& variant, const Picture& picture) {
    const Size size = size_of(picture.color);
    StyleJob job;
    job.content = picture.color;
    job.alpha = picture.alpha;
    for (const Mask& mask : variant.masks) {
        job.masks.push_back(masks_to_size_.fitted(mask, size));
    }
    if (protect_) {
        job.protect = masks_to_size_.fitted(*protect_, size);
    }
    job.init = init_;
    return job;
}

PictureResult StylePainter::paint(Variant& variant, const StyleJob& job, const StyleHooks& hooks) {
    const auto nets = nets_->take();
    const StyleResult styled = variant.stylizer->stylize(job, (*nets).both(), hooks);

    PictureResult result{.image = styled.image, .steps = styled.steps, .cancelled = styled.cancelled};
    if (styled.tile > 0) {
        result.settings.set("max-memory", memory_);  // decides where the tiles lie
    }
    return result;
}

PictureResult StylePainter::paint_picture(Variant& variant, const Picture& picture, const BatchItem& item,
                                          const Hooks& hooks) {
    StyleHooks watched;
    static_cast<Hooks&>(watched) = hooks;
    Checkpoint checkpoint{.output = item.output, .identity = variant.identity, .max_memory = memory_};
    std::optional<Checkpoint> before;
    if (checkpointing_.on()) {
        checkpoint.identity.set(pixels_of("the input"), digest_of(picture.color));
        checkpoint.identity.set(pixels_of("the input's alpha"), digest_of(picture.alpha));
        before = checkpointing_.take(checkpoint);
        watched.resume = before ? &before->state : nullptr;
        watched.state_every = request_.flags.checkpoint_every;
        watched.on_state = [&](const StyleState& state) {
            checkpoint.state = state;
            checkpoint.traced = trace_ ? trace_->lines() : 0;
            checkpointing_.write(checkpoint);
        };
    }
    if (trace_) {
        trace_->begin(before ? before->output : item.output, before ? before->traced : 0);
        watched.on_trace = [this](const StyleTrace& step) { trace_->add(step); };
    }
    return paint(variant, job_for(variant, picture), watched);
}

}  // namespace reverie
