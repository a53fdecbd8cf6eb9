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

/// [N,2C,H,W], channels last.
struct Glu : Function<Glu> {
    static Tensor forward(AutogradContext* ctx, const Tensor& x) {
        const Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
        const std::int64_t channels = in.size(1) / 2;
        const Tensor out =
            at::empty({in.size(0), channels, in.size(2), in.size(3)}, in.options(), at::MemoryFormat::ChannelsLast);
        ctx->save_for_backward({x});
        const kernels::Machine machine = kernels::this_machine();
        const auto* const from = in.const_data_ptr<float>();
        auto* const to = out.data_ptr<float>();
        for_each_pixels(out, machine.work, [&](std::int64_t first, std::int64_t count) {
            machine.kernels.glu(from + 2 * first * channels, to + first * channels, count, static_cast<int>(channels));
        });
        return out;
    }

    static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
        const Tensor saved = ctx->get_saved_variables()[0];
        if (c10::GradMode::is_enabled()) {  // a gradient of the gradient may be asked for
            const std::vector<Tensor> halves = saved.chunk(2, 1);
            const Tensor s = at::sigmoid(halves[1]);
            const Tensor passed = gradients[0] * s;
            return {at::cat({passed, passed * halves[0] * (1.0 - s)}, 1)};
        }
        const Tensor in = saved.contiguous(at::MemoryFormat::ChannelsLast);
        const Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
        const Tensor out = at::empty_like(in);
        const std::int64_t channels = gradient.size(1);
        const kernels::Machine machine = kernels::this_machine();
        const auto* const x = in.const_data_ptr<float>();
        const auto* const from = gradient.const_data_ptr<float>();
        auto* const to = out.data_ptr<float>();
        for_each_pixels(gradient, machine.work, [&](std::int64_t first, std::int64_t count) {
            machine.kernels.glu_back(x + 2 * first * channels, from + first * channels, to + 2 * first * channels,
                                     count, static_cast<int>(channels));
        });
        return {out};
    }

  private:
    template <typename Run>
    static void for_each_pixels(const Tensor& maps, kernels::Workspace& work, const Run& run) {
        constexpr std::int64_t kPixels = 256;
        const std::int64_t pixels = maps.numel() / maps.size(1);
        work.for_each(ceil_div(pixels, kPixels), [&](std::int64_t item, kernels::Scratch&) {
            run(item * kPixels, std::min(kPixels, pixels - item * kPixels));
        });
    }
};

bool are_ours(const Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat && convolutions_are_ours(); }

}  // namespace

Tensor apply_silu(const Tensor& x) { return are_ours(x) ? Silu::apply(x) : at::silu(x); }

Tensor apply_glu(const Tensor& x) { return are_ours(x) && x.dim() == 4 ? Glu::apply(x) : at::glu(x, 1); }

}  // namespace reverie
