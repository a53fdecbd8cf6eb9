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

double scalar_product(const Tensor& a, const Tensor& b) { return at::dot(a.flatten(), b.flatten()).item<double>(); }

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

void Adam::carry_to(Size size) {
    if (!first_.defined() || size == size_of(first_)) {
        return;
    }
    first_ = resize(first_, size);
    second_ = at::_upsample_bilinear2d_aa(second_.unsqueeze(0), {size.height, size.width}, false).squeeze(0);
    second_.clamp_min_(0.0);
}

Tensor Lbfgs::step(const Tensor& image, const Tensor& gradient, std::int64_t /*step*/) {
    constexpr double kLeastCurvature = 1e-10;
    // With y / range for gradients and s * range for displacements every later step is the same whatever the range;
    // only where there is no curvature yet does it matter.
    const double range = options_.pixel_range;
    const bool is_first = !previous_image_.defined();
    if (!is_first) {
        Tensor s = image - previous_image_;
        Tensor y = gradient - previous_gradient_;
        if (scalar_product(y, s) > kLeastCurvature) {
            pairs_.emplace_back(std::move(s), std::move(y));
            if (static_cast<std::int64_t>(pairs_.size()) > options_.history) {
                pairs_.pop_front();
            }
        }
    }
    previous_image_ = image;
    previous_gradient_ = gradient;

    if (pairs_.empty()) {
        const double length = gradient.abs().sum().item<double>() / range;
        const double size = options_.step_size * (is_first ? std::min(1.0, 1.0 / length) : 1.0);
        return image - gradient * (size / (range * range));
    }
    Tensor direction = gradient.neg();
    std::vector<double> alphas(pairs_.size());
    std::vector<double> rhos(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
        const auto& [s, y] = pairs_[i];
        rhos[i] = 1.0 / scalar_product(y, s);
        alphas[i] = scalar_product(s, direction) * rhos[i];
        direction.sub_(y, alphas[i]);
    }
    const auto& [last_s, last_y] = pairs_.back();
    direction.mul_(scalar_product(last_y, last_s) / scalar_product(last_y, last_y));
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        const auto& [s, y] = pairs_[i];
        direction.add_(s, alphas[i] - scalar_product(y, direction) * rhos[i]);
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
        state["s" + std::to_string(i)] = pairs_[i].first;
        state["y" + std::to_string(i)] = pairs_[i].second;
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
        pairs_.emplace_back(s, y);
    }
}

void Lbfgs::carry_to(Size /*size*/) { restore({}); }

Tensor GradientDescent::step(const Tensor& image, const Tensor& gradient, std::int64_t /*step*/) {
    const double rate =
        options_.step_size * std::pow(options_.decay, static_cast<double>(count_) / options_.decay_steps);
    ++count_;
    return image - gradient * (rate / (options_.pixel_range * options_.pixel_range));
}

StepState GradientDescent::state() const { return {{"count", counted(count_)}}; }

void GradientDescent::restore(const StepState& state) { count_ = count_in(state); }

void GradientDescent::carry_to(Size /*size*/) {}

}  // namespace reverie
