// Private: convolutions with weights that never change, transformed and packed once, forward and with respect to the
// input. Which way a layer is computed is a function of its shape alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "nn/bind.h"
#include "nn/frozen/kernel_names.h"
#include "reverie/nn/graph.h"

namespace reverie::frozen {

class RowWindows;

class Convolution {
  public:
    virtual ~Convolution() = default;
    /// `output` has the layer's own size for `input`; `finish` says what becomes of the sums, but for bias and out,
    /// which are the layer's own.
    virtual void forward(const Map& input, const Map& output, Finish finish, Workspace& work) = 0;
    /// The gradient of the input, from that of the output (not of what an activation made of it).
    virtual void backward(const Map& output, const Map& input, Finish finish, Workspace& work) = 0;
    /// Either direction row by row, for inputs of that size; null: the layer does not go `by_rows`.
    virtual std::unique_ptr<RowWindows> rows(Size input, bool back) = 0;
};

/// Whether a convolution's rows can be computed one by one.
bool by_rows(const Node& node, std::int64_t channels);
/// Whether it takes each channel by itself.
inline bool is_depthwise(const Node& node) { return node.groups > 1; }

/// Whether a layer can be computed here at all: replicated borders only around 3x3 windows.
bool can_convolve(const Node& node);

/// Reads a layer's weights [K,C/groups,kh,kw] and bias. Each direction asks once, when it is first needed, and keeps
/// only what it makes of them.
using ReadWeights = std::function<NodeWeights()>;

/// `channels`: of the input.
std::unique_ptr<Convolution> make_convolution(const Node& node, std::int64_t channels, ReadWeights read,
                                              const Kernels& kernels);

/// What the rearranged weights of a layer take, both directions.
std::int64_t packed_bytes(const Node& node, std::int64_t channels, const Kernels& kernels);

/// What a layer wants beside its maps while it runs, for outputs of that size.
std::int64_t scratch_bytes(const Node& node, std::int64_t channels, Size output);

}  // namespace reverie::frozen
