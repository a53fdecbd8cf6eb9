#include "techniques/style/style_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "reverie/core/error.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"
#include "reverie/optimize/image_loop.h"
#include "reverie/optimize/noise_image.h"
#include "techniques/style/style_formula.h"
#include "techniques/style/style_objective.h"
#include "techniques/style/style_plan.h"
#include "techniques/tile_choice.h"

namespace reverie {
namespace {

constexpr const char* kRulePrefix = "step.";

std::unique_ptr<StatefulStep> make_rule(const StyleOptions& o) {
    switch (o.optimizer) {
        case StyleOptimizer::Lbfgs:
            return std::make_unique<Lbfgs>(
                Lbfgs::Options{.step_size = o.step_size, .pixel_range = pixel_range(o.preset)});
        case StyleOptimizer::GradientDescent:
            return std::make_unique<GradientDescent>(GradientDescent::Options{
                .step_size = o.step_size, .decay = 0.96, .decay_steps = 100, .pixel_range = pixel_range(o.preset)});
        case StyleOptimizer::Adam:
            break;
    }
    return std::make_unique<Adam>(Adam::Options{.step_size = o.step_size});
}

[[noreturn]] void throw_unfit_state(const std::string& fault) {
    throw Error(ErrorKind::Input,
                "the state to go on from does not fit (" + fault + "); start anew without it, or take the right one");
}

/// The middle of `image` at the size, its proportions kept.
Tensor cover(const Tensor& image, Size size) {
    const Size own = size_of(image);
    const double scale = std::max(static_cast<double>(size.height) / static_cast<double>(own.height),
                                  static_cast<double>(size.width) / static_cast<double>(own.width));
    const auto side = [scale](std::int64_t n, std::int64_t least) {
        return std::max(least, static_cast<std::int64_t>(std::llround(scale * static_cast<double>(n))));
    };
    const Size large{side(own.height, size.height), side(own.width, size.width)};
    return resize(image, large)
        .narrow(1, (large.height - size.height) / 2, size.height)
        .narrow(2, (large.width - size.width) / 2, size.width)
        .contiguous();
}

/// Means over areas that were all 1 or all 0 stay so, however they were rounded.
Tensor map_at(const Tensor& map, Size size) {
    if (!map.defined() || size_of(map) == size) {
        return map;
    }
    constexpr double kRounding = 1e-5;
    const Tensor small = resize(map, size, Resample::Area);
    return small.masked_fill(small > 1.0 - kRounding, 1.0).masked_fill_(small < kRounding, 0.0);
}

/// Pixels that never move, whatever the rule remembers of their neighbours.
class FixedPixels final : public StepRule {
  public:
    FixedPixels(StepRule& rule, Tensor fixed, Tensor content)
        : rule_(rule), fixed_(std::move(fixed)), content_(std::move(content)) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override {
        return at::where(fixed_, content_, rule_.step(image, gradient.masked_fill(fixed_, 0.0), step));
    }

  private:
    StepRule& rule_;
    Tensor fixed_, content_;
};

}  // namespace

std::int64_t number_in(const StyleState& state, const std::string& name) {
    const auto note = state.notes.find(name);
    std::int64_t number = 0;
    if (note != state.notes.end()) {
        const char* const end = note->second.data() + note->second.size();
        const auto [stop, fault] = std::from_chars(note->second.data(), end, number);
        if (fault == std::errc() && stop == end) {
            return number;
        }
    }
    throw_unfit_state("it does not say its '" + name + "'");
}

StyleRun::StyleRun(const StyleJob& job, StyleNets nets, StyleTargets& targets, const StyleOptions& options,
                   StylePlan plan, const StyleHooks& hooks)
    : nets_(nets),
      targets_(targets),
      options_(options),
      plan_(std::move(plan)),
      hooks_(hooks),
      rule_(make_rule(options)),
      mean_(options.average),
      plateau_(options.patience) {
    const c10::Device device = nets.style.device();
    const auto to_net = [device](const Tensor& x) { return x.defined() ? x.to(device) : x; };
    original_ = to_net(job.content);
    init_ = to_net(job.init);
    keep_ = to_net(job.protect);
    if (job.alpha.defined()) {
        const Tensor transparent = (to_net(job.alpha) <= 0.0).to(at::kFloat);
        keep_ = keep_.defined() ? at::maximum(keep_, transparent) : transparent;
    }
    full_.content =
        options.color == StyleColor::Luma ? luma_of(original_).expand_as(original_).contiguous() : original_;
    if (keep_.defined()) {
        full_.counted = 1.0 - keep_;
        if (job.alpha.defined()) {
            full_.counted = at::minimum(full_.counted, to_net(job.alpha));
        }
    }
    for (const Tensor& mask : job.masks) {
        full_.masks.push_back(to_net(mask));
    }
}

StyleScene StyleRun::scene_at(Size size) const {
    const bool full = size == size_of(full_.content);
    StyleScene scene{
        full ? full_.content : resize(full_.content, size).clamp_(0.0, 1.0), map_at(full_.counted, size), {}};
    for (const Tensor& mask : full_.masks) {
        scene.masks.push_back(map_at(mask, size));
    }
    return scene;
}

Tensor StyleRun::start(const StyleScene& scene) const {
    const Size size = size_of(scene.content);
    Tensor image = scene.content;
    if (init_.defined()) {
        image = resize(init_, size);
    } else if (options_.init == StyleInit::Style) {
        image = cover(targets_.styles().front().images.front().to(nets_.style.device()), size);
    } else if (options_.init == StyleInit::Noise) {
        const double amplitude = options_.preset == StylePreset::NeuralStyle ? 0.001 : 1.0;  // hardly any there
        image = white_noise_image(size, amplitude, options_.seed).to(nets_.style.device());
    }
    return image.clamp(0.0, 1.0);
}

StyleState StyleRun::state(const Position& at, const Tensor& image) {
    StyleState state;
    state.tensors["image"] = image;
    if (mean_.count() > 0) {
        state.tensors["mean"] = mean_.sum();
    }
    for (const auto& [name, tensor] : rule_->state()) {
        state.tensors[kRulePrefix + name] = tensor;
    }
    state.notes = {{"scale", std::to_string(at.scale)},  {"step", std::to_string(at.step)},
                   {"steps", std::to_string(steps_)},    {"mean_count", std::to_string(mean_.count())},
                   {"tile", std::to_string(plan_.tile)}, {"losses", plateau_.text()}};
    return state;
}

StyleRun::Position StyleRun::restore(const StyleState& state) {
    const auto number = [&state](const char* name) { return number_in(state, name); };
    const Position position{static_cast<std::size_t>(number("scale")), number("step")};
    const auto image = state.tensors.find("image");
    const auto losses = state.notes.find("losses");
    if (image == state.tensors.end() || losses == state.notes.end() || position.scale >= plan_.scales.size() ||
        image->second.dim() != 3 || image->second.size(0) != 3 ||
        size_of(image->second) != plan_.scales[position.scale]) {
        throw_unfit_state("its image or its losses are not those of this picture");
    }
    image_ = image->second.to(nets_.style.device());
    if (const auto mean = state.tensors.find("mean"); mean != state.tensors.end()) {
        mean_.restore(mean->second.to(nets_.style.device()), number("mean_count"));
    }
    StepState remembered;
    for (const auto& [name, tensor] : state.tensors) {
        if (name.rfind(kRulePrefix, 0) == 0) {
            remembered[name.substr(std::string_view(kRulePrefix).size())] = tensor.to(nets_.style.device());
        }
    }
    rule_->restore(remembered);
    plateau_.restore(losses->second);
    steps_ = number("steps");
    return position;
}

bool StyleRun::run_scale(const Position& from) {
    const Size size = plan_.scales[from.scale];
    const StyleScene scene = scene_at(size);
    const std::int64_t tile = tile_at(size, plan_.tile);
    if (from.step == 0) {
        image_ = image_.defined() ? resize(image_, size).clamp_(0.0, 1.0) : start(scene);
        if (carries_memory(options_.preset)) {
            rule_->rescale(size);
        } else {
            rule_->restore({});
        }
        mean_ = RunningMean(options_.average);
        plateau_ = Plateau(options_.patience);
    }
    const std::int64_t steps = plan_.steps[from.scale];
    StepRule* rule = rule_.get();
    FadingStep fading(*rule_, {.decay = options_.step_decay, .steps = steps});
    if (options_.step_decay > 0.0) {
        rule = &fading;
    }
    std::optional<FixedPixels> held;
    if (keep_.defined()) {
        // A pixel that is kept in full stays at the content; one partly kept moves freely and is mixed at the end.
        const Tensor fixed = map_at(keep_, size) >= 1.0;
        image_ = at::where(fixed, scene.content, image_);
        rule = &held.emplace(*rule, fixed, scene.content);
    }
    StyleObjective objective(nets_, options_, scene.content, scene.counted,
                             targets_.regions(nets_.style, scene, full_, plan_.tile), tile);

    const std::int64_t steps_before = steps_ - from.step;
    const double per_step = step_pixels(nets_.style, options_, size, plan_.tile);
    const auto observe = [&](const StepReport& report) {
        mean_.add(report.image);
        steps_ = steps_before + report.step + 1;
        if (hooks_.on_trace) {
            hooks_.on_trace({size, static_cast<std::int64_t>(from.scale), report.step, objective.losses()});
        }
        const bool keeps = hooks_.on_state && (steps_ % hooks_.state_every == 0 || report.step + 1 == steps);
        if (options_.patience > 0) {
            plateau_.add(report.value);
            if (report.reads && plateau_.reached()) {
                return false;
            }
        }
        if (keeps) {
            if (!report.reads) {  // else the loop has just looked
                require_numbers(report.image, steps_);
            }
            hooks_.on_state(state({from.scale, report.step + 1}, report.image));
        }
        return true;
    };
    Hooks hooks = hooks_;
    if (hooks_.on_preview) {
        hooks.on_preview = [&](const Tensor& picture, std::int64_t step) {
            hooks_.on_preview(finish(picture), steps_before + step);
        };
    }
    const LoopResult loop = minimize_image(std::move(image_), objective, {}, *rule,
                                           {.steps = steps,
                                            .first_step = from.step,
                                            .observe = observe,
                                            .shown = [this](const Tensor& image) { return mean_.value(image); },
                                            .preview_every = options_.preview_every,
                                            .stage = "scale " + std::to_string(from.scale + 1) + "/" +
                                                     std::to_string(plan_.scales.size()) + " " + text_of(size),
                                            .done_before = done_,
                                            .per_step = per_step,
                                            .total = plan_.pixel_steps,
                                            .unit = ""},
                                           hooks);
    if (loop.cancelled && hooks_.on_state && loop.steps > 0) {
        hooks_.on_state(state({from.scale, loop.steps}, loop.image));
    }
    done_ += per_step * static_cast<double>(steps);
    image_ = mean_.value(loop.image);
    return !loop.cancelled;
}

/// From the optimised picture, at any size, to the result.
Tensor StyleRun::finish(const Tensor& image) const {
    Tensor result = resize(image, size_of(original_)).clamp(0.0, 1.0);
    if (options_.color == StyleColor::Luma) {
        result = with_differences_of(luma_of(result), original_);
    } else if (options_.color == StyleColor::Content) {
        result = with_chroma_of(result, original_);
    }
    if (keep_.defined()) {
        result = at::where(keep_ >= 1.0, original_, at::lerp(result, original_, keep_));
    }
    return result.cpu().contiguous();
}

StyleResult StyleRun::run() {
    StyleResult result;
    result.tile = plan_.tile;
    if (full_.counted.defined() && full_.counted.max().item<double>() <= 0.0) {
        result.image = original_.cpu().contiguous();  // nothing is to be styled
        return result;
    }
    Position from;
    if (hooks_.resume != nullptr) {
        from = restore(*hooks_.resume);
        for (std::size_t k = 0; k < from.scale; ++k) {
            done_ +=
                step_pixels(nets_.style, options_, plan_.scales[k], plan_.tile) * static_cast<double>(plan_.steps[k]);
        }
    }
    bool running = true;
    for (; running && from.scale < plan_.scales.size(); from = {from.scale + 1, 0}) {
        running = run_scale(from);
    }
    rule_.reset();
    mean_ = RunningMean(0.0);
    result.image = finish(image_);
    result.steps = steps_;
    result.cancelled = !running;
    return result;
}

}  // namespace reverie
