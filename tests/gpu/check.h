// Checks of a device: each computes something there and on the CPU, and says how far the two may differ.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/Device.h>

#include <functional>
#include <string>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/nn/frozen_net.h"

namespace reverie::test {

/// Where something is computed: a device, and what runs frozen nets there.
struct Place {
    c10::Device device = c10::Device(c10::kCPU);
    Engine engine = Engine::Auto;
};

struct Check {
    std::string name;
    /// How far a result may be from the CPU's own, in the norm and as a share of it: a single value may be further,
    /// where one that is near a kink of ReLU or of a maximum falls on the other side.
    double tolerance = 0.0;
    std::function<std::vector<Tensor>(const Place& place)> results;
};

std::vector<Check> net_checks();
std::vector<Check> picture_checks();
std::vector<Check> training_checks();
/// Those that need the whole library, with files and records; none where only its core was built.
std::vector<Check> run_checks();

/// A net of that architecture with weights of the closed formula.
FrozenNet formula_net_at(const Place& place, Graph graph);

/// [3,H,W], on the CPU.
Tensor drawn_picture(std::int64_t height, std::int64_t width, const std::string& name);

/// [N,C,H,W], on the CPU.
Tensor drawn_pictures(std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width);

}  // namespace reverie::test
