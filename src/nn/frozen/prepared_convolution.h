// Private: what convolutions with prepared weights have in common.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <mutex>
#include <utility>

#include "nn/frozen/convolution.h"
#include "nn/frozen/kernel_names.h"
#include "nn/frozen/row_windows.h"

namespace reverie::frozen {

/// Prepares its weights once for each direction, when that is first asked for, whichever thread asks.
class PreparedConvolution : public Convolution {
  public:
    explicit PreparedConvolution(ReadWeights read) : read_(std::move(read)) {}

    void forward(const Map& input, const Map& output, Finish finish, Workspace& work) final {
        const PackedMatrices& weights = forward_weights();
        finish.bias = bias();
        apply(input, output, weights, into(finish, output), work);
    }

    void backward(const Map& output, const Map& input, Finish finish, Workspace& work) final {
        apply_back(output, input, backward_weights(), into(finish, input), work);
    }

    std::unique_ptr<RowWindows> rows(Size, bool) override { return nullptr; }

  protected:
    const PackedMatrices& forward_weights() {
        std::call_once(forward_ready_, [this] {
            const NodeWeights weights = read_();
            forward_ = prepare(weights.weight, false);
            bias_ = weights.bias;
        });
        return forward_;
    }
    const PackedMatrices& backward_weights() {
        std::call_once(backward_ready_, [this] { backward_ = prepare(read_().weight, true); });
        return backward_;
    }
    /// Beside the forward weights.
    const float* bias() const { return bias_.data_ptr<float>(); }

  private:
    /// `turned`: for the backward pass.
    virtual PackedMatrices prepare(const at::Tensor& weight, bool turned) = 0;
    virtual void apply(const Map& input, const Map& output, const PackedMatrices& weights, const Finish& finish,
                       Workspace& work) const = 0;
    virtual void apply_back(const Map& output, const Map& input, const PackedMatrices& weights, const Finish& finish,
                            Workspace& work) const = 0;

    ReadWeights read_;
    std::once_flag forward_ready_, backward_ready_;
    PackedMatrices forward_, backward_;
    at::Tensor bias_;
};

}  // namespace reverie::frozen
