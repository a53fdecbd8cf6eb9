#include "reverie/techniques/dream.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/image/resample.h"
#include "techniques/dream/dream_formula.h"
#include "techniques/dream/dream_objective.h"
#include "techniques/dream/dream_start.h"

namespace reverie {
namespace {

void require_prepared(const Graph& graph, const DreamOptions& options) {
    Graph prepared = graph;
    prepare_graph(prepared, options);
    if (!std::ranges::equal(graph.nodes, prepared.nodes, {}, &Node::count_padding, &Node::count_padding)) {
        throw Error(ErrorKind::Usage, "the graph of " + graph.architecture +
                                          " counts the padding of its average pools, other than the options of the "
                                          "dream; call prepare_graph with these options while the net is loaded");
    }
}

void require_job(const DreamJob& job, const DreamOptions& options) {
    require_image(job.photo, "the image to dream on");
    require_finite(job.photo, "the image to dream on");
    if (job.init.defined()) {
        require_image(job.init, "{--init}");
        require_finite(job.init, "{--init}");
    }
    for (const Tensor& guide : job.guides) {
        require_image(guide, "a guide of {--guide}");
        require_finite(guide, "a guide of {--guide}");
    }
    if (!job.guides.empty()) {
        check_guided(options);
    }
    if (job.protect.defined()) {
        require_image(job.protect, "{--protect}", {1});
        if (size_of(job.protect) != size_of(job.photo)) {
            throw Error(ErrorKind::Usage, "{--protect} is " + tensor_text(job.protect) + " where the picture is " +
                                              tensor_text(job.photo) + "; wanted the same size");
        }
    }
}

/// The dream as strong as it is asked for; what is protected wholly is the photo to the bit.
Tensor finished(const DreamJob& job, double strength, Tensor dreamt) {
    const Tensor photo = job.photo.cpu();
    if (strength < 1.0) {
        dreamt = photo + (dreamt - photo) * strength;
    }
    if (job.protect.defined()) {
        dreamt = at::where(job.protect.cpu() < 1.0, dreamt, photo);
    }
    return dreamt.contiguous();
}

}  // namespace

void check_guided(const DreamOptions& options) {
    if (!amplifies_layers(options)) {
        throw Error(ErrorKind::Usage,
                    "{--guide} speaks of whole layers, and {--layers} names none; name one, as "
                    "block9.expand, or leave {--guide} out");
    }
    if (options.caricature > 0.0) {
        throw Error(ErrorKind::Usage,
                    "{--guide} and {--caricature} say two things of what layers grow towards; leave "
                    "one of them out");
    }
}

void prepare_graph(Graph& graph, const DreamOptions& options) {
    if (!options.formula.pool_padding) {
        ignore_pool_padding(graph);
    }
}

DreamResult dream(const DreamJob& job, FrozenNet& net, const DreamOptions& options, std::int64_t max_memory,
                  const Hooks& hooks) {
    const c10::NoGradGuard no_grad;
    validate(options);
    require_job(job, options);
    require_prepared(net.graph(), options);
    const Size full = size_of(job.photo);
    const DreamPlan plan = plan_dream(full, net, options, max_memory);
    if (plan.dropped > 0) {
        hooks.warn(std::to_string(plan.dropped) + " of " +
                   std::to_string(plan.octaves.size() + static_cast<std::size_t>(plan.dropped)) +
                   " octaves are too small for these layers of " + net.architecture() + " and were left out");
    }
    const DreamFormula& formula = options.formula;
    const bool clamps_always = formula.clamp == DreamFormula::Clamp::Always;
    const bool by_full_size = formula.carry == DreamFormula::Carry::FullSize;
    const bool detail_after = formula.carry == DreamFormula::Carry::DetailAfter;
    const bool holds_origin = options.parameterization == DreamParameterization::Maco;
    const Tensor photo = job.photo.to(net.device());
    const Features guides = guide_features(net, options, job.guides);

    /// The share that is put back of what the photo shows at the second size and has lost at the first.
    const auto lost_detail = [&](const Tensor& base, const Tensor& next_base) {
        return options.detail * (next_base - scaled(base, size_of(next_base), formula.scaling));
    };
    /// A dream at one scale, brought to another: resized, and the detail that the photo lost in between put back.
    const auto carry = [&](const Tensor& dreamt, const Tensor& base, const Tensor& next_base) {
        Tensor carried = scaled(dreamt, size_of(next_base), formula.scaling) + lost_detail(base, next_base);
        return clamps_always ? carried.clamp_(0.0, 1.0) : carried;
    };
    const auto enough = [&](const Tensor& value) {
        return options.stop_above > 0.0 && -value.item<double>() > options.stop_above;
    };

    DreamResult result;
    result.tile = plan.tile;
    Tensor base;  // the photo as large as the dream
    double done = 0.0;
    const std::size_t octaves = plan.octaves.size();
    const std::size_t stages = octaves * static_cast<std::size_t>(formula.passes);
    for (std::size_t stage = 0; stage < stages && !result.cancelled; ++stage) {
        const std::size_t octave = stage % octaves;
        const Size size = plan.octaves[octave];
        const Tensor last_base = std::exchange(base, octave_photo(photo, plan.octaves, octave, formula));
        const Tensor origin = stage == 0 || holds_origin ? start_at(job, options, base) : Tensor();
        Tensor start = origin;
        if (stage > 0) {
            start = detail_after ? scaled(result.image, size, formula.scaling) : carry(result.image, last_base, base);
        }
        result.image = Tensor();  // it goes on as the start: memory is short at the last octave

        const std::int64_t tile = tile_of(size, net, options, plan.tile);
        DreamObjective objective(net, options, {.tile = tile, .octave = stage, .photo = base, .guides = &guides});
        const Tensor free = free_of(base, job.protect, options.calm);
        const std::vector<GradientTransform> transforms = transforms_of(options, free);
        const std::unique_ptr<StepRule> rule = make_step(options, {.number = stage,
                                                                   .steps = plan.steps,
                                                                   .photo = base,
                                                                   .free = free,
                                                                   .origin = origin,
                                                                   .reach = objective.reach(size)});
        Hooks octave_hooks = hooks;
        octave_hooks.on_preview = [&, before = result.steps](const Tensor& picture, std::int64_t step) {
            if (hooks.on_preview) {
                hooks.on_preview(picture.cpu(), before + step);
            }
        };
        ImageLoopOptions loop{
            .steps = plan.steps,
            .preview_every = options.preview_every,
            .clamp = formula.clamp != DreamFormula::Clamp::End,
            .stage = "octave " + std::to_string(octave + 1) + "/" + std::to_string(octaves) + " " + text_of(size),
            .done_before = done,
            .per_step = step_pixels(size, net, options, plan.tile),
            .total = plan.pixel_steps,
            .unit = "",
            .value_name = "activation",
            .value_sign = -1.0};
        if (formula.passes > 1) {
            loop.stage =
                "pass " + std::to_string(stage / octaves + 1) + "/" + std::to_string(formula.passes) + " " + loop.stage;
        }
        if (!loop.clamp) {
            loop.shown = [](const Tensor& picture) { return picture.clamp(0.0, 1.0); };
        }
        if (!formula.stop_after_step) {
            loop.enough = enough;
        } else if (options.stop_above > 0.0) {
            loop.observe = [&](const StepReport& report) { return !enough(report.value); };
        }
        LoopResult stepped = minimize_image(std::move(start), objective, transforms, *rule, loop, octave_hooks);
        done += loop.per_step * static_cast<double>(plan.steps);
        result.image = std::move(stepped.image);
        result.steps += stepped.steps;
        result.cancelled = stepped.cancelled;
        if (detail_after && last_base.defined()) {
            result.image = result.image + lost_detail(last_base, base);
        }
        if (by_full_size && size != full) {
            result.image = carry(result.image, base, photo);
            base = photo;
        }
    }
    if (size_of(result.image) != full) {  // stopped early, or never meant to be that large
        result.image = carry(result.image, base, photo);
    }
    if (!clamps_always) {
        result.image = result.image.clamp(0.0, 1.0);
    }
    result.image = finished(job, options.strength, result.image.cpu());
    return result;
}

}  // namespace reverie
