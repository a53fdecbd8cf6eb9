// Private: the executor for the CPU: frozen nets on kernels of our own.
#pragma once

#include <memory>

#include "kernels/kernels.h"
#include "nn/bind.h"
#include "nn/executor.h"

namespace reverie {

/// Runs a graph on the CPU in channels-last memory: 3x3 convolutions by Winograd's minimal filtering, the others as
/// matrix products over their windows, with bias, activation and additions done where sums are finished; concatenations
/// are never copied; of activations one bit is kept for the backward pass, of maxima a byte. What a value is does not
/// depend on the number of threads. The graph and the weights must outlive it; `frozen::can_run` says whether a graph
/// is fit.
std::unique_ptr<Executor> make_frozen_executor(const Graph& graph, const StateDict& weights,
                                               const kernels::Kernels& kernels);

}  // namespace reverie
