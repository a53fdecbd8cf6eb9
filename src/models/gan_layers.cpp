#include "models/gan_layers.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>

#include "core/precision.h"
#include "kernels/convolution.h"
#include "models/initialize.h"

namespace reverie {
namespace {

constexpr std::int64_t kFirstIterations = 15;
constexpr std::int64_t kGroup = 4;

Tensor unit(const Tensor& vector) { return vector / vector.norm().clamp_min(1e-12); }

/// Products of matrices and vectors are kept in full precision, also where autocast would not.
using NoAutocast = c10::impl::ExcludeDispatchKeyGuard;

}  // namespace

GanWeight::GanWeight(const std::vector<std::int64_t>& shape, bool with_bias, bool spectral_norm)
    : weight_(register_parameter("weight", at::zeros(shape))) {
    if (with_bias) {
        bias_ = register_parameter("bias", at::zeros({shape[0]}));
    }
    if (spectral_norm) {
        u_ = register_buffer("u", at::zeros({shape[0]}));
        v_ = register_buffer("v", at::zeros({weight_.numel() / shape[0]}));
    }
}

Tensor GanWeight::weight() const {
    if (!u_.defined()) {
        return weight_;
    }
    const NoAutocast guard(c10::autocast_dispatch_keyset);
    // In a running mean of weights the vectors are means too, and shorter than 1.
    const Tensor lengths = u_.norm() * v_.norm();
    return weight_ * (lengths / at::dot(u_, at::mv(weight_.flatten(1), v_)));
}

void GanWeight::advance() {
    if (u_.defined()) {
        const c10::NoGradGuard no_grad;
        const NoAutocast guard(c10::autocast_dispatch_keyset);
        const Tensor matrix = weight_.flatten(1);
        v_.copy_(unit(at::mv(matrix.t(), u_)));
        u_.copy_(unit(at::mv(matrix, v_)));
    }
}

void initialize_norms(torch::nn::Module& net, std::uint64_t seed) {
    for (const auto& item : net.named_buffers()) {
        if (item.key().ends_with(".u")) {
            fill_normal_(item.value(), 1.0, seed, item.key());
        }
    }
    for (std::int64_t i = 0; i < kFirstIterations; ++i) {
        advance_norms_of(net);
    }
}

void advance_norms_of(torch::nn::Module& net) {
    for (const auto& module : net.modules(/*include_self=*/false)) {
        if (auto* weight = module->as<GanWeight>()) {
            weight->advance();
        }
    }
}

SelfAttention::SelfAttention(std::int64_t channels, bool spectral_norm) {
    const auto layer = [&](const char* name, std::int64_t in, std::int64_t out) {
        const std::vector<std::int64_t> shape = {out, in, 1, 1};
        return register_module(name, std::make_shared<GanWeight>(shape, /*with_bias=*/false, spectral_norm));
    };
    const std::int64_t narrow = std::max<std::int64_t>(channels / 8, 1);
    const std::int64_t half = std::max<std::int64_t>(channels / 2, 1);
    query_ = layer("query", channels, narrow);
    key_ = layer("key", channels, narrow);
    value_ = layer("value", channels, half);
    out_ = layer("out", half, channels);
    gamma_ = register_parameter("gamma", at::zeros({1}));
}

Tensor SelfAttention::forward(const Tensor& x) {
    const auto pooled = [](const Tensor& maps) {
        return at::max_pool2d(maps, {2, 2}, {2, 2}, 0, 1, /*ceil_mode=*/true).flatten(2);
    };
    const Tensor queries = convolution(x, query_->weight(), {}, 1, 0).flatten(2);  // [N,c,HW]
    const Tensor keys = pooled(convolution(x, key_->weight(), {}, 1, 0));          // [N,c,M]
    const Tensor values = pooled(convolution(x, value_->weight(), {}, 1, 0));      // [N,C/2,M]
    const Tensor shares = at::softmax(at::bmm(queries.transpose(1, 2), keys), 2);
    const Tensor found = at::bmm(values, shares.transpose(1, 2)).view({x.size(0), -1, x.size(2), x.size(3)});
    return x + gamma_ * convolution(found, out_->weight(), {}, 1, 0);
}

Tensor bias_for_colors(const Tensor& colors) {
    constexpr double kMost = 0.995;  // beyond it tanh has no slope left to learn by
    return at::atanh(colors.clamp(-kMost, kMost));
}

Tensor with_minibatch_deviation(const Tensor& maps) {
    const Tensor all = at_least_single(maps.flatten(1)).contiguous();
    const std::int64_t count = all.size(0);
    const std::int64_t groups = (count + kGroup - 1) / kGroup;
    const std::int64_t larger = count % groups;  // groups with one more than the others
    const auto deviations = [&](std::int64_t first, std::int64_t of_these, std::int64_t size) {
        const Tensor rows = all.narrow(0, first, of_these * size).view({of_these, size, all.size(1)});
        const Tensor variance = (rows - rows.mean(1, /*keepdim=*/true)).square().mean(1);
        return at::sqrt(variance + 1e-8).mean(1).repeat_interleave(size);
    };
    const std::int64_t size = count / groups;
    const Tensor each =
        at::cat({deviations(0, larger, size + 1), deviations(larger * (size + 1), groups - larger, size)});
    const Tensor plane = each.to(maps.scalar_type()).view({count, 1, 1, 1});
    return at::cat({maps, plane.expand({count, 1, maps.size(2), maps.size(3)})}, 1);
}

}  // namespace reverie
