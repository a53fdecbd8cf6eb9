#include "kernels/activation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/ceil_div.h"
#include "kernels/engine.h"
#include "kernels/machine.h"

namespace reverie {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// run(first, count) for pieces of `count` numbers.
template <typename Run>
void for_each_piece(std::int64_t count, kernels::Workspace& work, const Run& run) {
    constexpr std::int64_t kPiece = 1 << 14;
    work.for_each(ceil_div(count, kPiece), [&](std::int64_t item, kernels::Scratch&) {
        run(item * kPiece, std::min(kPiece, count - item * kPiece));
    });
}

/// In one piece of memory, in whatever order.
Tensor dense(const Tensor& x) { return x.is_non_overlapping_and_dense() ? x : x.contiguous(); }

struct Silu : Function<Silu> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x) {
        const Tensor in = dense(x);
        const Tensor out = at::empty_like(in);
        ctx->save_for_backward({in});
        const kernels::Machine machine = kernels::this_machine();
        const auto* const from = in.const_data_ptr<float>();
        auto* const to = out.data_ptr<float>();
        for_each_piece(in.numel(), machine.work, [&](std::int64_t first, std::int64_t count) {
            machine.kernels.silu(from + first, to + first, count);
        });
        return out;
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
        const Tensor in = ctx->get_saved_variables()[0];
        if (c10::GradMode::is_enabled()) {  // a gradient of the gradient may be asked for
            const Tensor s = at::sigmoid(in);
            return {gradients[0] * s * (1.0 + in * (1.0 - s))};
        }
        Tensor gradient = gradients[0];
        if (gradient.strides() != in.strides()) {
            gradient = at::empty_like(in).copy_(gradient);
        }
        const Tensor out = at::empty_like(in);
        const kernels::Machine machine = kernels::this_machine();
        const auto* const x = in.const_data_ptr<float>();
        const auto* const from = gradient.const_data_ptr<float>();
        auto* const to = out.data_ptr<float>();
        for_each_piece(in.numel(), machine.work, [&](std::int64_t first, std::int64_t count) {
            machine.kernels.silu_back(x + first, from + first, to + first, count);
        });
        return {out};
    }
};

}  // namespace

Tensor apply_silu(const Tensor& x) {
    const bool ours = x.is_cpu() && x.scalar_type() == at::kFloat && convolutions_are_ours();
    return ours ? Silu::apply(x) : at::silu(x);
}

}  // namespace reverie
