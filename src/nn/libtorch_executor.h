// Private: the reference executor, on LibTorch's own operators: any device, and the measure for any faster one.
#pragma once

#include <c10/core/MemoryFormat.h>

#include <memory>

#include "nn/bind.h"
#include "nn/executor.h"

namespace reverie {

/// Runs the graph, by default in channels-last memory (the faster layout of LibTorch >= 2.6 for most of these nets),
/// with explicit vector-Jacobian products instead of autograd: only what a product needs is kept (outputs of
/// activations, indices of maxima), everything else is freed as soon as its last user has run. The graph and the
/// weights must outlive it.
std::unique_ptr<Executor> make_libtorch_executor(const Graph& graph, const StateDict& weights, c10::Device device,
                                                 at::MemoryFormat layout = at::MemoryFormat::ChannelsLast);

}  // namespace reverie
