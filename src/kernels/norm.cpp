#include "kernels/norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/ceil_div.h"
#include "kernels/engine.h"
#include "kernels/machine.h"
#include "kernels/shared_norms.h"

namespace reverie {
namespace {

using kernels::Machine;
using kernels::NormJob;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kBlock = 256;  // pixels whose sums are taken in float

/// What running moments learn from those of `count` numbers a channel.
void follow(const RunningMoments& running, const Tensor& mean, const Tensor& variance, std::int64_t count) {
    if (running.mean.defined()) {
        const c10::NoGradGuard no_grad;
        const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
        running.mean.lerp_(mean.detach().to(running.mean.scalar_type()), running.momentum);
        running.variance.lerp_((variance.detach() * unbiased).to(running.variance.scalar_type()), running.momentum);
    }
}

/// Groups of images that share their moments: all, or each its own.
struct Groups {
    std::int64_t count, pixels, channels;

    Groups(const Tensor& x, bool each)
        : count(each ? x.size(0) : 1), pixels(x.numel() / x.size(1) / count), channels(x.size(1)) {}
    std::int64_t blocks() const { return ceil_div(pixels, kBlock); }
};

/// kernel(job) for every block of pixels, with the numbers of its group by channel.
template <typename Prepare>
void for_each_block(const Groups& groups, const NormJob& all, const Machine& machine,
                    void (*kernel)(const NormJob& job), const Prepare& prepare) {
    machine.work.for_each(groups.count * groups.blocks(), [&](std::int64_t item, kernels::Scratch&) {
        const std::int64_t group = item / groups.blocks();
        const std::int64_t first = item % groups.blocks() * kBlock;
        NormJob job = all;
        const std::int64_t at = (group * groups.pixels + first) * groups.channels;
        const auto moved = [](auto* numbers, std::int64_t by) { return numbers == nullptr ? nullptr : numbers + by; };
        job.in = all.in + at;
        job.gradient = moved(all.gradient, at);
        job.out = moved(all.out, at);
        job.pixels = std::min(kBlock, groups.pixels - first);
        for (const float* NormJob::*numbers :
             {&NormJob::scale, &NormJob::shift, &NormJob::origin, &NormJob::linear, &NormJob::constant}) {
            job.*numbers = moved(all.*numbers, group * groups.channels);
        }
        prepare(job, item);
        kernel(job);
    });
}

/// [groups][2][channels]: what `kernel` sums up, block after block in float64.
Tensor sums_of(const Groups& groups, NormJob job, const Machine& machine, void (*kernel)(const NormJob& job)) {
    const std::int64_t width = 2 * groups.channels;
    const Tensor parts = at::empty({groups.count * groups.blocks(), width}, at::kFloat);
    auto* const numbers = parts.data_ptr<float>();
    for_each_block(groups, job, machine, kernel,
                   [&](NormJob& one, std::int64_t item) { one.sums = numbers + item * width; });
    Tensor sums = at::zeros({groups.count, 2, groups.channels}, at::kDouble);
    auto* const total = sums.data_ptr<double>();
    for (std::int64_t item = 0; item < parts.size(0); ++item) {
        double* const group = total + item / groups.blocks() * width;
        for (std::int64_t i = 0; i < width; ++i) {
            group[i] += static_cast<double>(numbers[item * width + i]);
        }
    }
    return sums;
}

thread_local const Ranks* shared_with = nullptr;

/// The moments of all ranks' images, [C] each, with gradients.
struct SharedMoments {
    Tensor mean, variance;

    SharedMoments(const Tensor& x, const Ranks& ranks)
        : mean(ranks.mean(x.mean({0, 2, 3}))),
          variance(ranks.mean((x - mean.view({1, -1, 1, 1})).square().mean({0, 2, 3}))) {}
};

/// The norm by LibTorch, for gradients of gradients and where ours is not wanted.
Tensor by_libtorch(const Tensor& x, const Tensor& weight, const Tensor& bias, bool each, double epsilon,
                   std::optional<double> slope, const RunningMoments& running = {}) {
    Tensor y;
    if (each) {
        const auto cells = [](const Tensor& numbers) { return numbers.unsqueeze(-1).unsqueeze(-1); };
        y = at::addcmul(cells(bias), at::instance_norm(x, {}, {}, {}, {}, true, 0.0, epsilon, false), cells(weight));
    } else if (shared_with != nullptr) {
        const SharedMoments moments(x, *shared_with);
        const Tensor scale = weight * (moments.variance + epsilon).rsqrt();
        y = x * scale.view({1, -1, 1, 1}) + (bias - moments.mean * scale).view({1, -1, 1, 1});
        follow(running, moments.mean, moments.variance, shared_with->count() * x.numel() / x.size(1));
    } else {
        y = at::batch_norm(x, weight, bias, running.mean, running.variance, true, running.momentum, epsilon, false);
    }
    return slope ? at::leaky_relu(y, *slope) : y;
}

/// By group and channel, [groups,C] each: what x is counted from, the scale and the shift.
struct Norm : Function<Norm> {
    /// `moments`, float64 [groups,2,C], is given the means and biased variances.
    static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, bool each,
                          double epsilon, std::optional<double> slope, Tensor* moments);
    static variable_list backward(AutogradContext* ctx, const variable_list& gradients);
};

Tensor Norm::forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, bool each,
                     double epsilon, std::optional<double> slope, Tensor* moments) {
    const Groups groups(x, each);
    const Machine machine = kernels::this_machine();
    const Tensor origin =
        x.permute({0, 2, 3, 1}).reshape({groups.count, groups.pixels, groups.channels}).select(1, 0).contiguous();
    NormJob job{.in = x.const_data_ptr<float>(),
                .channels = static_cast<int>(groups.channels),
                .origin = origin.const_data_ptr<float>(),
                .sloped = slope.has_value(),
                .slope = static_cast<float>(slope.value_or(0.0))};
    const Tensor means =
        sums_of(groups, job, machine, machine.kernels.norm_moments) / static_cast<double>(groups.pixels);
    const Tensor shifted = means.select(1, 0);
    const Tensor variance = (means.select(1, 1) - shifted.square()).clamp_min(0.0);
    *moments = at::stack({shifted + origin, variance}, 1);
    if (!each && shared_with != nullptr) {
        // Origins differ from rank to rank, so means and squares of what is not moved are exchanged: in float64, which
        // keeps twice the digits that x has.
        moments->select(1, 1).add_(moments->select(1, 0).square());
        *moments = shared_with->mean(*moments);
        moments->select(1, 1).sub_(moments->select(1, 0).square()).clamp_min_(0.0);
    }
    const Tensor mean = moments->select(1, 0).contiguous();
    const Tensor inverse = (moments->select(1, 1) + epsilon).rsqrt();
    const Tensor scale = weight * inverse;
    const Tensor single_scale = scale.to(at::kFloat).contiguous();
    const Tensor single_shift = (bias - mean * scale).to(at::kFloat).contiguous();
    const Tensor y = at::empty_like(x);
    job.out = y.data_ptr<float>();
    job.scale = single_scale.const_data_ptr<float>();
    job.shift = single_shift.const_data_ptr<float>();
    for_each_block(groups, job, machine, machine.kernels.norm_forward, [](NormJob&, std::int64_t) {});
    ctx->save_for_backward({x, weight, bias, single_scale, single_shift, mean.to(at::kFloat).contiguous(), inverse});
    ctx->saved_data["each"] = each;
    ctx->saved_data["epsilon"] = epsilon;
    ctx->saved_data["slope"] = slope;
    return y;
}

variable_list Norm::backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &inverse = saved[6];
    const bool each = ctx->saved_data["each"].toBool();
    const auto slope = ctx->saved_data["slope"].toOptional<double>();
    if (c10::GradMode::is_enabled()) {  // a gradient of the gradient may be asked for
        const Tensor y = by_libtorch(x, weight, saved[2], each, ctx->saved_data["epsilon"].toDouble(), slope);
        const variable_list inputs = {x, weight, saved[2]};
        variable_list found = torch::autograd::grad({y}, inputs, {gradients[0]}, true, true, /*allow_unused=*/true);
        found.resize(7);
        return found;
    }
    const Groups groups(x, each);
    const Machine machine = kernels::this_machine();
    const Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const Tensor out = at::empty_like(x);
    NormJob job{.in = x.const_data_ptr<float>(),
                .gradient = gradient.const_data_ptr<float>(),
                .out = out.data_ptr<float>(),
                .channels = static_cast<int>(groups.channels),
                .scale = saved[3].const_data_ptr<float>(),
                .shift = saved[4].const_data_ptr<float>(),
                .origin = saved[5].const_data_ptr<float>(),
                .sloped = slope.has_value(),
                .slope = static_cast<float>(slope.value_or(0.0))};
    const Tensor sums = sums_of(groups, job, machine, machine.kernels.norm_back_sums);
    const Tensor of_bias = sums.select(1, 0);
    const Tensor of_weight = sums.select(1, 1) * inverse;
    const bool shared = !each && shared_with != nullptr;
    const Tensor all = shared ? shared_with->mean(sums) : sums;
    // scale (g - mean of g - x^ mean of (g x^)), x^ = (x - mean) / deviation, as scale g + linear x + constant.
    const Tensor scale = weight * inverse / static_cast<double>(groups.pixels);
    const Tensor slopes = -scale * inverse * all.select(1, 1) * inverse;
    const Tensor linear = slopes.to(at::kFloat).contiguous();
    const Tensor constant = (-scale * all.select(1, 0) - slopes * saved[5]).to(at::kFloat).contiguous();
    job.linear = linear.const_data_ptr<float>();
    job.constant = constant.const_data_ptr<float>();
    for_each_block(groups, job, machine, machine.kernels.norm_back, [](NormJob&, std::int64_t) {});
    // Numbers that all groups share have a gradient from each.
    const auto like_weight = [&](const Tensor& by_group) {
        return (weight.dim() == 2 ? by_group : by_group.sum(0)).to(at::kFloat);
    };
    return {out, like_weight(of_weight), like_weight(of_bias), Tensor(), Tensor(), Tensor(), Tensor()};
}

/// Nothing where LibTorch has to do it.
bool is_ours(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    const auto plain = [](const Tensor& t) { return t.defined() && t.is_cpu() && t.scalar_type() == at::kFloat; };
    return plain(x) && x.dim() == 4 && x.numel() > 0 && plain(weight) && plain(bias) && convolutions_are_ours();
}

Tensor channels_last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

}  // namespace

SharedNorms::SharedNorms(const Ranks& ranks) : before_(std::exchange(shared_with, ranks.alone() ? nullptr : &ranks)) {}
SharedNorms::~SharedNorms() { shared_with = before_; }

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const RunningMoments& running,
                  double epsilon, std::optional<double> leaky_slope) {
    const std::int64_t count = x.numel() / x.size(1);
    if (!is_ours(x, weight, bias) || count < 2) {  // it refuses a single number
        return by_libtorch(x, weight, bias, false, epsilon, leaky_slope, running);
    }
    Tensor moments;
    Tensor y = Norm::apply(channels_last(x), weight, bias, false, epsilon, leaky_slope, &moments);
    follow(running, moments[0][0], moments[0][1], count * (shared_with != nullptr ? shared_with->count() : 1));
    return y;
}

Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon,
                     std::optional<double> leaky_slope) {
    if (!is_ours(x, weight, bias)) {
        return by_libtorch(x, weight, bias, true, epsilon, leaky_slope);
    }
    Tensor moments;
    return Norm::apply(channels_last(x), weight, bias, true, epsilon, leaky_slope, &moments);
}

}  // namespace reverie
