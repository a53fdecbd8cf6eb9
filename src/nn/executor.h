// Private: what runs a graph.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/nn/graph.h"

namespace reverie {

/// Runs a graph. One per FrozenNet, whose callers never see which.
class Executor {
  public:
    virtual ~Executor() = default;
    /// Outputs of the wanted nodes, none of them named twice. With `keep`, remembers what backward needs until backward
    /// or the next forward.
    virtual std::vector<Tensor> forward(const Tensor& image, const std::vector<int>& wanted, bool keep) = 0;
    /// The image gradient, given the gradients of the wanted nodes of the last forward (undefined: zero). With `again`
    /// what was remembered stays for another call.
    virtual Tensor backward(const std::vector<Tensor>& gradients, bool again) = 0;
    /// Bytes at the peak of forward and backward, weights not counted.
    virtual std::int64_t peak_bytes(Size image, const std::vector<int>& wanted) const = 0;
    /// Bytes of the weights that the wanted nodes need, as they are held.
    virtual std::int64_t weight_bytes(const std::vector<int>& wanted) const = 0;
    /// Another one of the same graph, which shares the weights as far as they are prepared for it.
    virtual std::unique_ptr<Executor> sibling() const = 0;
};

}  // namespace reverie
