// Optimisers of network weights, their schedules and the running mean of weights.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"

namespace reverie {

/// Tensors by name; the names are those of the checkpoint. Sorted, so that order is never an accident.
using NamedTensors = std::map<std::string, Tensor>;

enum class OptimizerKind { Adam, AdamW, RmsProp, Muon };

struct OptimizerOptions {
    OptimizerKind kind = OptimizerKind::Adam;
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;  ///< RMSprop: its smoothing constant
    double epsilon = 1e-8;
    double weight_decay = 0.0;  ///< AdamW, Muon: decoupled (Loshchilov, Hutter 2019); the others: added to the gradient
    double clip_value = 0.0;    ///< each gradient entry is held to +- this; 0: no
};

/// Adam (Kingma, Ba 2015), AdamW and RMSprop as PyTorch computes them, with LibTorch's fused kernels where it has them.
/// Muon (Jordan et al. 2024), with steps as long as AdamW's (Liu et al. 2025) and PyTorch's momentum of 0.95: a
/// convolution's weights [O,...] move, as a matrix [O,inputs x window], along their momentum with all singular values
/// made equal. What is no convolution, and one of fewer than 8 outputs such as colours, moves by AdamW.
class Optimizer {
  public:
    Optimizer(NamedTensors parameters, const OptimizerOptions& options);

    /// One step in place. `gradients` in the order of the parameters' names (undefined: left alone). `rate` multiplies
    /// the learning rate. `rests`, a scalar on the parameters' device, leaves everything as it is where it is not 0
    /// (undefined: it never does): so that whether to take a step need not be read back to be known.
    void step(const std::vector<Tensor>& gradients, double rate, const Tensor& rests = {});

    /// Everything that changes the next step, as "<parameter>.first", ".second" and ".step": the tensors themselves.
    NamedTensors state() const;
    /// Copies such a state in. Throws Input for one of another optimiser.
    void restore(const NamedTensors& state);

    const NamedTensors& parameters() const noexcept { return parameters_; }

  private:
    NamedTensors parameters_;
    OptimizerOptions options_;
    // By parameter; undefined where its rule needs none.
    std::vector<Tensor> first_;
    std::vector<Tensor> second_;
    std::vector<Tensor> steps_;  ///< float32 scalars, as the fused kernels want them
};

enum class Schedule {
    Constant,
    Cosine,       ///< to 0 at the planned end (Loshchilov, Hutter 2017)
    Exponential,  ///< times `decay` at the end of each epoch
};

struct ScheduleOptions {
    Schedule kind = Schedule::Constant;
    double decay = 0.95;            ///< of Exponential
    std::int64_t warmup_steps = 0;  ///< linear from 0
};

/// What multiplies the learning rate at a step (from 0) of `total`. A function of steps alone: time never shapes it.
double rate_at(const ScheduleOptions& options, std::int64_t step, std::int64_t total, std::int64_t steps_per_epoch);

/// The running mean of weights: after each step mean = d mean + (1-d) weights with d = 2^(-batch / half_life), and d
/// no more than (1+step)/(10+step), so that the beginning is soon forgotten.
class WeightAverage {
  public:
    WeightAverage(NamedTensors weights, double half_life_images);
    void update(std::int64_t step, std::int64_t batch);
    const NamedTensors& mean() const noexcept { return mean_; }
    void restore(const NamedTensors& mean);
    /// Exchanges weights and mean in place; calling it again undoes it.
    void swap();

  private:
    NamedTensors weights_;
    NamedTensors mean_;
    double half_life_;
};

}  // namespace reverie
