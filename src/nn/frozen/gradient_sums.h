// Private: the gradients of a graph's maps while the backward pass sums them up.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "nn/frozen/kernel_names.h"
#include "nn/frozen/planned_maps.h"

namespace reverie::frozen {

class GradientSums {
  public:
    GradientSums(const PlannedMaps& maps, const Kernels& kernels, Workspace& work)
        : maps_(maps), kernels_(kernels), work_(work) {}

    /// Begins with the gradients of the plan's wanted nodes (undefined: none).
    void seed(const std::vector<at::Tensor>& gradients);
    /// How the next contribution to a value's gradient ends up there.
    Finish contribution(int value);
    void add(const Map& from, int value);
    /// Adds a gradient that stays where it is: when something else comes to the value's, or when that is taken.
    void add_later(const Map& from, int value);
    /// What has been said of a value so far, as a map; false: nothing.
    bool take(int value, Map& gradient);
    /// Lets go of the callers' gradients.
    void release() { seeds_.clear(); }

  private:
    /// The gradient of a storage.
    struct Sum {
        bool begun = false;             // its memory holds a sum
        const float* addend = nullptr;  // a map of the whole storage that is still to be added
        bool seed = false;              // the addend is the caller's
    };
    Sum& sum_of(int value) { return sums_[maps_.storage_index(value)]; }

    const PlannedMaps& maps_;
    const Kernels& kernels_;
    Workspace& work_;
    std::vector<Sum> sums_;  // by storage
    std::vector<at::Tensor> seeds_;
};

}  // namespace reverie::frozen
