#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/option_text.h"
#include "reverie/core/parallel.h"
#include "reverie/core/random.h"
#include "reverie/core/text.h"
#include "reverie/image/color.h"
#include "reverie/image/resample.h"
#include "reverie/models/parameters.h"
#include "reverie/output/grid.h"
#include "reverie/techniques/fast_style.h"
#include "techniques/fast_style/style_net_start.h"
#include "techniques/style/style_objective.h"
#include "techniques/style/style_targets.h"

namespace reverie {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::uint64_t kStyleStream = 0x7374796c65;
constexpr std::int64_t kMostShown = 4;    // photos of a preview
constexpr std::int64_t kShownSide = 384;  // their side, at most
constexpr std::int64_t kMostShownStyles = 8;
constexpr std::int64_t kToneCells = 16;

/// What a painted picture costs, to autograd: its value and its gradient come from the frozen nets, which know nothing
/// of LibTorch's graph.
struct PaintedLoss : Function<PaintedLoss> {
    static Tensor forward(AutogradContext* ctx, const Tensor& picture, StyleObjective* objective);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

/// A net that is no longer made of numbers is for the loop to see, which knows a way back.
Tensor PaintedLoss::forward(AutogradContext* ctx, const Tensor& picture, StyleObjective* objective) {
    const Tensor shown = picture.clamp(0.0, 1.0).contiguous();
    if (!shown.isfinite().all().item<bool>()) {
        ctx->save_for_backward({at::full_like(picture, std::numeric_limits<double>::quiet_NaN())});
        return at::full({}, std::numeric_limits<double>::quiet_NaN(), picture.options());
    }
    Tensor gradient;
    const Tensor value = objective->value_and_gradient(shown, 0, gradient);
    // What is brighter than white or darker than black may come back, and gets no further.
    const Tensor outwards = ((picture < 0.0) & (gradient > 0.0)) | ((picture > 1.0) & (gradient < 0.0));
    ctx->save_for_backward({gradient.masked_fill(outwards, 0.0)});
    return value.to(picture.scalar_type());
}

variable_list PaintedLoss::backward(AutogradContext* ctx, const variable_list& gradients) {
    return {ctx->get_saved_variables()[0] * gradients[0], Tensor()};
}

/// Lightness in squares of `kToneCells` a side, less its mean, at length 1; undefined where all is of one lightness.
Tensor coarse_tones(const Tensor& image) {
    constexpr double kFlat = 1e-3;  // deviation
    const Tensor cells = at::adaptive_avg_pool2d(luma_of(image).unsqueeze(0), {kToneCells, kToneCells}).flatten();
    const Tensor tones = cells - cells.mean();
    const Tensor length = tones.norm();
    return length.item<double>() < kFlat * kToneCells ? Tensor() : tones / length;
}

/// 1 - the correlation of both pictures' coarse lightness: 0 where what is light is light in both, whatever their
/// contrast; 2 where it is the other way round. The objective alone does not care, for a palette can be met either way:
/// it is by beginning with the photo that the optimiser keeps its tones. Undefined for pictures of one lightness.
Tensor turned_tones(const Tensor& photo, const Tensor& picture) {
    const Tensor wanted = coarse_tones(photo);
    const Tensor tones = wanted.defined() ? coarse_tones(picture) : Tensor();
    return tones.defined() ? 1.0 - tones.dot(wanted) : Tensor();
}

bool is_norm_value(const std::string& name) { return name.ends_with(".scale") || name.ends_with(".shift"); }

void require_not_cancelled(const Hooks& hooks) {
    if (hooks.cancelled()) {
        throw Error(ErrorKind::Cancelled, "stopped while the style net was being validated");
    }
}

}  // namespace

struct FastStyleTask::State {
    FastStyleOptions options;
    FastStyleTeacher teacher;
    std::shared_ptr<StyleNet> net;
    std::vector<std::unique_ptr<StyleObjective>> objectives;  // of the styles that are learnt
    Tensor shown;
    bool measures = false;  // sizes change from step to step, as if all of a run were in a few steps
    std::map<std::int64_t, double> untouched = {};  // what photos cost as they are, by photo and style

    std::int64_t learnt() const { return static_cast<std::int64_t>(objectives.size()); }
    std::int64_t first_learnt() const { return static_cast<std::int64_t>(options.net.styles.size()) - learnt(); }
    std::int64_t side_of(std::int64_t step, std::int64_t total, bool measured) const;
    Tensor loss(const StepInput& input, StepLog& log, bool measured);
    Tensor painted(const Tensor& photos, std::int64_t style) const;
    std::map<std::string, double> cost(const Tensor& photo, const Tensor& picture, std::int64_t style);
    std::vector<Tensor> rows(const Tensor& photos) const;
};

namespace {

constexpr std::int64_t kMeasured = 10;  // steps in which a run's sizes come as often as in the whole

}  // namespace

std::int64_t FastStyleTask::State::side_of(std::int64_t step, std::int64_t total, bool measured) const {
    if (!measured) {
        return side_at(options, step, total);
    }
    constexpr std::int64_t kJump = 3;  // large and small ones in turn, so that any few steps are a fair sample
    return side_at(options, kMeasured - 1 - step * kJump % kMeasured, kMeasured);
}

Tensor FastStyleTask::State::loss(const StepInput& input, StepLog& log, bool measured) {
    const Batch& batch = input.batch;
    const std::int64_t count = batch.images.size(0);
    const std::int64_t side = side_of(input.step, input.total, measured);
    std::vector<Tensor> photos;
    std::vector<std::int64_t> styles;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t number = batch.first + i;
        photos.push_back(training_picture(batch.images[i], side + kJudgedPlaces - 1, options, input.seed, number));
        styles.push_back(random_integer(input.seed, kStyleStream, static_cast<std::uint64_t>(number), 0, learnt() - 1));
    }
    const Tensor pictures = net->forward(at::stack(photos), at::tensor(styles, at::kLong) + first_learnt());
    const double warm = options.style_warmup * static_cast<double>(input.total);
    const double emphasis = std::min(1.0, (static_cast<double>(input.step) + 1.0) / std::max(warm, 1.0));
    Tensor sum;
    std::map<std::string, double> parts;
    for (std::int64_t i = 0; i < count; ++i) {
        StyleObjective& objective = *objectives[static_cast<std::size_t>(styles[static_cast<std::size_t>(i)])];
        const Tensor photo = judged_part(photos[static_cast<std::size_t>(i)], input.seed, batch.first + i);
        const Tensor picture = judged_part(pictures[i], input.seed, batch.first + i);
        objective.keep_content_of(photo);
        objective.weigh_styles(emphasis);
        const Tensor loss = PaintedLoss::apply(picture, &objective);
        sum = sum.defined() ? sum + loss : loss;
        if (options.tone > 0.0) {
            if (const Tensor turned = turned_tones(photo, picture); turned.defined()) {
                sum = sum + options.tone * turned;
                parts["tone"] += options.tone * turned.item<double>() / static_cast<double>(count);
            }
        }
        if (options.lattice > 0.0) {
            // Of all of it: it is to the net's own grid that a lattice keeps.
            const Tensor cost = options.lattice * lattice_cost(pictures[i]);
            sum = sum + cost;
            parts["lattice"] += cost.item<double>() / static_cast<double>(count);
        }
        for (const auto& [name, value] : objective.losses()) {
            parts[name] += value / static_cast<double>(count);
        }
    }
    for (const char* name : {"style", "content", "palette", "tone", "lattice"}) {
        log.add(name, at::scalar_tensor(parts[name], pictures.options()));
    }
    return sum / static_cast<double>(count);
}

Tensor FastStyleTask::State::painted(const Tensor& photos, std::int64_t style) const {
    return net->forward(photos, at::full({photos.size(0)}, style, at::kLong)).clamp(0.0, 1.0);
}

std::map<std::string, double> FastStyleTask::State::cost(const Tensor& photo, const Tensor& picture,
                                                         std::int64_t style) {
    StyleObjective& objective = *objectives[static_cast<std::size_t>(style)];
    objective.keep_content_of(photo);
    objective.weigh_styles(1.0);
    objective.value(picture.contiguous());
    return objective.losses();
}

/// Photos, and below them the same in each of the learnt styles.
std::vector<Tensor> FastStyleTask::State::rows(const Tensor& photos) const {
    std::vector<Tensor> rows = {photos};
    for (std::int64_t style = 0; style < std::min(learnt(), kMostShownStyles); ++style) {
        std::vector<Tensor> pictures;
        for (std::int64_t i = 0; i < photos.size(0); ++i) {  // one by one: of large maps one set is enough
            pictures.push_back(painted(photos.narrow(0, i, 1), first_learnt() + style));
        }
        rows.push_back(at::cat(pictures));
    }
    return rows;
}

FastStyleTask::FastStyleTask(const FastStyleOptions& options, std::vector<StyleSource> styles, FastStyleTeacher teacher,
                             std::uint64_t seed, const StyleNetWeights& start, const Tensor& shown) {
    reverie::validate(options);
    const bool fits =
        options.adds_styles ? styles.size() < options.net.styles.size() : styles.size() == options.net.styles.size();
    if (styles.empty() || !fits) {
        throw Error(ErrorKind::Usage, "a style net of " + std::to_string(options.net.styles.size()) +
                                          " styles is to learn " + std::to_string(styles.size()) +
                                          " of them; hand over the pictures of each style that is new");
    }
    state_ = std::make_unique<State>(State{.options = options,
                                           .teacher = std::move(teacher),
                                           .net = make_style_net(options.net, seed),
                                           .objectives = {},
                                           .shown = {}});
    State& s = *state_;
    if (!start.tensors.empty()) {
        begin_as(*s.net, start);
    }
    FrozenNet& seeing = *s.teacher.style;
    s.net->to(seeing.device());
    const c10::NoGradGuard no_grad;
    const KernelThreads threads;  // what is measured has the same bits with any number
    const StyleNets nets(seeing, s.teacher.content.get());
    const Tensor blank = at::zeros({3, options.side, options.side}, at::TensorOptions(seeing.device()));
    for (StyleSource& style : styles) {
        // Strokes have one size all the time, whatever the pictures have.
        StyleTargets targets(seeing, {std::move(style)}, s.options.style);
        const StyleScene scene{blank, {}, {}};
        s.objectives.push_back(std::make_unique<StyleObjective>(
            nets, s.options.style, blank, Tensor(), targets.regions(seeing, scene, scene, /*tile=*/0), /*tile=*/0));
    }
    if (shown.defined()) {
        const Tensor some = shown.narrow(0, 0, std::min(kMostShown, shown.size(0)));
        const std::int64_t side = std::min({kShownSide, shown.size(2), shown.size(3)});
        s.shown = resize(some, Size{side, side}).clamp(0.0, 1.0).to(seeing.device());
    }
}

FastStyleTask::~FastStyleTask() = default;

std::vector<Phase> FastStyleTask::phases() {
    Phase phase;
    phase.name = "style";
    for (const auto& item : state_->net->named_parameters()) {
        if (!state_->options.adds_styles || is_norm_value(item.key())) {
            phase.parameters[item.key()] = item.value();
        }
    }
    phase.optimizer = state_->options.optimizer;
    const bool measured = std::exchange(state_->measures, false);
    phase.period = measured ? kMeasured : 1;
    phase.loss = [state = state_.get(), measured](const StepInput& input, StepLog& log) {
        return state->loss(input, log, measured);
    };
    return {phase};
}

void FastStyleTask::begin_as_later() { state_->measures = true; }

NamedTensors FastStyleTask::state() {
    NamedTensors tensors;
    for (const auto& item : state_->net->named_parameters()) {
        tensors[item.key()] = item.value();
    }
    return tensors;
}

NamedTensors FastStyleTask::averaged() { return state(); }

std::map<std::string, std::string> FastStyleTask::metadata() const {
    std::map<std::string, std::string> notes = to_metadata(state_->options.net);
    notes["program"] = "styletransfer";
    for (const OptionRow<FastStyleOptions>& row : fast_style_option_table()) {
        if (row.heading == "Loss" || row.heading == "Pictures") {
            notes["trained with " + row.name] = join(row.field.texts(state_->options));
        }
    }
    notes.insert(state_->teacher.notes.begin(), state_->teacher.notes.end());
    return notes;
}

Scalars FastStyleTask::validate(const OrderedBatches& batches, const Ranks& ranks, const Hooks& hooks) {
    const c10::NoGradGuard no_grad;
    State& s = *state_;
    const std::vector<std::string> parts = {"total", "style", "content", "palette"};
    const std::int64_t last = batches.batches() - 1;
    const Batch last_batch = batches.at(last);
    const std::int64_t photos = last_batch.first + last_batch.images.size(0);
    Tensor sums = at::zeros({static_cast<std::int64_t>(parts.size()) + 2}, at::kDouble);  // ratios, pairs, parts
    for (std::int64_t number = ranks.rank(); number <= last; number += ranks.count()) {
        const Batch batch = batches.at(number);
        for (std::int64_t i = 0; i < batch.images.size(0); ++i) {
            const Tensor photo =
                resize(batch.images[i].to(s.teacher.style->device()), Size{s.options.side, s.options.side})
                    .clamp(0.0, 1.0);
            for (std::int64_t pair = batch.first + i; pair < std::max(photos, s.learnt()); pair += photos) {
                require_not_cancelled(hooks);
                const std::int64_t style = pair % s.learnt();
                const auto [untouched, is_new] = s.untouched.try_emplace(pair, 0.0);
                if (is_new) {
                    untouched->second = s.cost(photo, photo, style).at("total");
                }
                const Tensor picture = s.painted(photo.unsqueeze(0), s.first_learnt() + style)[0];
                require_finite(picture, "a picture that the style net paints");
                const std::map<std::string, double> losses = s.cost(photo, picture, style);
                sums[0] += losses.at("total") / std::max(untouched->second, 1e-12);
                sums[1] += 1.0;
                for (std::size_t part = 0; part < parts.size(); ++part) {
                    sums[static_cast<std::int64_t>(part) + 2] += losses.at(parts[part]);
                }
            }
        }
    }
    const Tensor all = ranks.sum(sums);
    const Tensor means = all / all[1];
    Scalars scalars = {{"ratio", means[0].item<double>()}};
    for (std::size_t part = 0; part < parts.size(); ++part) {
        scalars.emplace_back(parts[part] == "total" ? "loss" : parts[part],
                             means[static_cast<std::int64_t>(part) + 2].item<double>());
    }
    return scalars;
}

Tensor FastStyleTask::preview() {
    const c10::NoGradGuard no_grad;
    const State& s = *state_;
    const Tensor photos = s.shown.defined() ? s.shown : at::full({1, 3, kShownSide, kShownSide}, 0.5);
    return to_rgb(image_grid(at::cat(s.rows(photos)), {.columns = photos.size(0)}));
}

std::vector<ReportPicture> FastStyleTask::pictures(const Tensor& reals) {
    const c10::NoGradGuard no_grad;
    const State& s = *state_;
    const Tensor photos = s.shown.defined() ? s.shown : reals.narrow(0, 0, std::min(kMostShown, reals.size(0)));
    return {
        {"Photos, and below them the same painted", image_grid(at::cat(s.rows(photos)), {.columns = photos.size(0)})}};
}

std::int64_t FastStyleTask::parameters() const { return parameter_count(*state_->net); }

}  // namespace reverie
