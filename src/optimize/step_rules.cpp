#include "reverie/optimize/step_rules.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "reverie/image/resample.h"

namespace reverie {
namespace {

Tensor counted(std::int64_t count) { return at::scalar_tensor(count, at::TensorOptions().dtype(at::kLong)); }

Tensor find(const StepState& state, const std::string& name) {
    const auto found = state.find(name);
    return found == state.end() ? Tensor() : found->second;
}

std::int64_t count_in(const StepState& state) {
    const Tensor count = find(state, "count");
    return count.defined() ? count.item<std::int64_t>() : 0;
}

/// A float64 scalar on their device.
Tensor scalar_product(const Tensor& a, const Tensor& b) { return at::dot(a.flatten(), b.flatten()).to(at::kDouble); }

/// target += factor * x, for a scalar that stays where it is: reading it back would make the host wait for a GPU.
void add_scaled_(Tensor& target, const Tensor& x, const Tensor& factor) {
    if (factor.is_cpu()) {
        target.add_(x, factor.item<double>());
    } else {
        target.add_(x * factor);
    }
}

}  // namespace

Tensor Adam::step(const Tensor& image, const Tensor& gradient, std::int64_t /*step*/) {
    constexpr std::int64_t kBandPixels = 1 << 20;
    if (!first_.defined()) {
        first_ = at::zeros_like(image);
        second_ = at::zeros_like(image);
    }
    ++count_;
    const auto steps = static_cast<double>(count_);
    const double rate = options_.step_size / (1.0 - std::pow(options_.beta1, steps));
    const double correction = std::sqrt(1.0 - std::pow(options_.beta2, steps));
    Tensor next = image.clone();
    const std::int64_t rows = std::max<std::int64_t>(1, kBandPixels / image.size(2));
    for (std::int64_t start = 0; start < image.size(1); start += rows) {
        const auto band = [&](const Tensor& t) { return t.narrow(1, start, std::min(rows, image.size(1) - start)); };
        const Tensor g = band(gradient);
        Tensor m = band(first_);
        Tensor v = band(second_);
        m.lerp_(g, 1.0 - options_.beta1);
        v.mul_(options_.beta2).addcmul_(g, g, 1.0 - options_.beta2);
        band(next).addcdiv_(m, v.sqrt().div_(correction).add_(options_.epsilon), -rate);
    }
    return next;
}

// Copies both ways: the moments are changed in place.
StepState Adam::state() const {
    if (!first_.defined()) {
        return {};
    }
    return {{"count", counted(count_)}, {"first", first_.clone()}, {"second", second_.clone()}};
}

void Adam::restore(const StepState& state) {
    const Tensor first = find(state, "first");
    const Tensor second = find(state, "second");
    count_ = count_in(state);
    first_ = first.defined() ? first.clone() : Tensor();
    second_ = second.defined() ? second.clone() : Tensor();
}

void Adam::rescale(Size size) {
    if (!first_.defined() || size == size_of(first_)) {
        return;
    }
    first_ = resize(first_, size);
    second_ = at::_upsample_bilinear2d_aa(second_.unsqueeze(0), {size.height, size.width}, false).squeeze(0);
    second_.clamp_min_(0.0);
}

void Lbfgs::remember(Tensor s, Tensor y) {
    constexpr double kLeastCurvature = 1e-10;
    const Tensor curvature = scalar_product(y, s);
    const Tensor fit = curvature > kLeastCurvature;
    if (fit.is_cpu() && !fit.item<bool>()) {
        return;
    }
    // On a GPU nobody waits to see whether the pair is fit: one that is not counts for nothing.
    const Tensor none = at::zeros_like(curvature);
    Pair pair{std::move(s), std::move(y), {}, {}};
    pair.inverse_curvature = at::where(fit, 1.0 / curvature, none);
    const Tensor before =
        pairs_.empty() ? none + 1.0 / (options_.pixel_range * options_.pixel_range) : pairs_.back().scale;
    pair.scale = at::where(fit, curvature / scalar_product(pair.y, pair.y), before);
    pairs_.push_back(std::move(pair));
    if (static_cast<std::int64_t>(pairs_.size()) > options_.history) {
        pairs_.pop_front();
    }
}

Tensor Lbfgs::step(const Tensor& image, const Tensor& gradient, std::int64_t /*step*/) {
    // With y / range for gradients and s * range for displacements every later step is the same whatever the range;
    // only where there is no curvature yet does it matter.
    const double range = options_.pixel_range;
    const bool is_first = !previous_image_.defined();
    if (!is_first) {
        remember(image - previous_image_, gradient - previous_gradient_);
    }
    previous_image_ = image;
    previous_gradient_ = gradient;

    if (pairs_.empty()) {
        const Tensor length = gradient.abs().sum().to(at::kDouble) / range;
        const Tensor size =
            is_first ? (1.0 / length).clamp_max(1.0) * options_.step_size : at::full_like(length, options_.step_size);
        return image - gradient * (size / (range * range));
    }
    Tensor direction = gradient.neg();
    std::vector<Tensor> alphas(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
        const Pair& pair = pairs_[i];
        alphas[i] = scalar_product(pair.s, direction) * pair.inverse_curvature;
        add_scaled_(direction, pair.y, alphas[i].neg());
    }
    direction.mul_(pairs_.back().scale);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        const Pair& pair = pairs_[i];
        add_scaled_(direction, pair.s, alphas[i] - scalar_product(pair.y, direction) * pair.inverse_curvature);
    }
    return image + options_.step_size * direction;
}

// Nothing remembered is ever changed in place, so no copies are needed.
StepState Lbfgs::state() const {
    if (!previous_image_.defined()) {
        return {};
    }
    StepState state = {{"image", previous_image_}, {"gradient", previous_gradient_}};
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        state["s" + std::to_string(i)] = pairs_[i].s;
        state["y" + std::to_string(i)] = pairs_[i].y;
    }
    return state;
}

void Lbfgs::restore(const StepState& state) {
    previous_image_ = find(state, "image");
    previous_gradient_ = find(state, "gradient");
    pairs_.clear();
    for (std::size_t i = 0;; ++i) {
        const Tensor s = find(state, "s" + std::to_string(i));
        const Tensor y = find(state, "y" + std::to_string(i));
        if (!s.defined() || !y.defined()) {
            return;
        }
        remember(s, y);
    }
}

void Lbfgs::rescale(Size /*size*/) { restore({}); }

Tensor GradientDescent::step(const Tensor& image, const Tensor& gradient, std::int64_t /*step*/) {
    const double rate =
        options_.step_size * std::pow(options_.decay, static_cast<double>(count_) / options_.decay_steps);
    ++count_;
    return image - gradient * (rate / (options_.pixel_range * options_.pixel_range));
}

StepState GradientDescent::state() const { return {{"count", counted(count_)}}; }

void GradientDescent::restore(const StepState& state) { count_ = count_in(state); }

void GradientDescent::rescale(Size /*size*/) {}

}  // namespace reverie
