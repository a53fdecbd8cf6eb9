// Step rules that remember earlier steps. What they remember can be kept, brought back, and carried to another size.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "reverie/core/size.h"
#include "reverie/optimize/image_loop.h"

namespace reverie {

/// Everything a rule remembers, by name.
using StepState = std::map<std::string, Tensor>;

/// A rule that can be stopped, resumed to the bit, and taken to the next scale.
class StatefulStep : public StepRule {
  public:
    virtual StepState state() const = 0;
    /// `state` as state() gave it; empty: as if new.
    virtual void restore(const StepState& state) = 0;
    /// Carries what makes sense at another image size to it and forgets the rest.
    virtual void rescale(Size size) = 0;
};

/// Kingma, Ba: Adam (2015). Moments are carried between scales, the first bicubic, the second bilinear and not below 0;
/// the step count goes on, so no bias correction kicks in anew (crowsonkb). Works through the image in place and in
/// bands of rows: beside the image it returns it takes next to nothing.
class Adam final : public StatefulStep {
  public:
    struct Options {
        double step_size = 0.02;  ///< in units of [0,1]
        double beta1 = 0.9;
        double beta2 = 0.99;
        double epsilon = 1e-8;
    };
    explicit Adam(const Options& options) : options_(options) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;
    StepState state() const override;
    void restore(const StepState& state) override;
    void rescale(Size size) override;
    /// Applies to the steps that follow.
    void set_step_size(double step_size) { options_.step_size = step_size; }

  private:
    Options options_;
    Tensor first_, second_;  // moments; undefined before the first step
    std::int64_t count_ = 0;
};

/// L-BFGS with two-loop recursion and a fixed step (Nocedal 1980), as LibTorch's without a line search: the first step
/// is step_size * min(1, 1 / |g|_1) downhill. Displacements are those that really happened, clamping included; pairs
/// with y.s <= 1e-10 are left out. Nothing can be carried to another size.
class Lbfgs final : public StatefulStep {
  public:
    struct Options {
        double step_size = 1.0;
        std::int64_t history = 100;
        double pixel_range = 1.0;  ///< the recipe counts pixels from 0 to this: matters to the first step only
    };
    explicit Lbfgs(const Options& options) : options_(options) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;
    StepState state() const override;
    void restore(const StepState& state) override;
    void rescale(Size size) override;

  private:
    struct Pair {
        Tensor s, y;               // displacement and change of the gradient
        Tensor inverse_curvature;  // 1 / y.s; float64 scalar on the image's device
        Tensor scale;              // y.s / y.y of the newest fit pair: the first guess of the inverse Hessian
    };
    void remember(Tensor s, Tensor y);

    Options options_;
    std::deque<Pair> pairs_;  // oldest first
    Tensor previous_image_, previous_gradient_;
};

/// Plain descent with an exponentially decaying rate.
class GradientDescent final : public StatefulStep {
  public:
    struct Options {
        double step_size = 1.0;
        double decay = 1.0;        ///< the rate is multiplied by this ...
        double decay_steps = 1.0;  ///< ... every so many steps, continuously
        double pixel_range = 1.0;  ///< the recipe counts pixels, and with them gradients and rate, from 0 to this
    };
    explicit GradientDescent(const Options& options) : options_(options) {}
    Tensor step(const Tensor& image, const Tensor& gradient, std::int64_t step) override;
    StepState state() const override;
    void restore(const StepState& state) override;
    void rescale(Size size) override;

  private:
    Options options_;
    std::int64_t count_ = 0;
};

}  // namespace reverie
