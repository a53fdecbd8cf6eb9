// Our own family: a pyramid of halvings with residual blocks, its mirror, and a linear bottleneck between them.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/precision.h"
#include "kernels/activation.h"
#include "models/convolve.h"
#include "models/initialize.h"
#include "models/pyramid.h"
#include "models/vae_nets.h"

namespace reverie {
namespace {

using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;
using torch::nn::Linear;
using torch::nn::Module;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;
constexpr std::int64_t kLeastSide = 3;  // of the smallest maps
constexpr std::int64_t kWidest = 256;   // channels
constexpr double kHeadScale = 0.1;      // of the first weights of what gives posteriors and pixels

Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
    return Conv2d(Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2));
}

/// x + conv2(silu(conv1(silu(x)))), without norms: conv2 begins at zero, so a new net is linear but for its ends.
class ResidualBlock : public Module {
  public:
    explicit ResidualBlock(std::int64_t channels)
        : conv1_(register_module("conv1", convolution(channels, channels, 3))),
          conv2_(register_module("conv2", convolution(channels, channels, 3))) {}
    Tensor forward(const Tensor& x) {
        return convolve(*conv2_, apply_silu(convolve(*conv1_, apply_silu(x))), {.addend = x});
    }

  private:
    Conv2d conv1_, conv2_;
};

/// What happens at one size: its blocks, and the convolution that leads there (encoder) or on to the next (decoder;
/// none in the last).
class Stage : public Module {
  public:
    Stage(const Conv2d& resampling, std::int64_t channels, std::int64_t blocks) {
        if (!resampling.is_empty()) {
            conv = register_module("conv", resampling);
        }
        const auto list = register_module("blocks", std::make_shared<Module>());
        for (std::int64_t i = 0; i < blocks; ++i) {
            blocks_.push_back(list->register_module(std::to_string(i), std::make_shared<ResidualBlock>(channels)));
        }
    }
    Tensor blocks(Tensor x) {
        for (const auto& block : blocks_) {
            x = block->forward(x);
        }
        return x;
    }
    Conv2d conv = nullptr;

  private:
    std::vector<std::shared_ptr<ResidualBlock>> blocks_;
};

/// How a net of these options is cut up.
struct Plan {
    explicit Plan(const VaeNetOptions& options)
        : spatial(options.latent_grid > 0),
          latent(options.latent),
          sizes(pyramid(options.size, spatial ? options.latent_grid : kLeastSide)),
          widths(stage_widths(options.width, std::max(kWidest, options.width), sizes.size() - 1)) {}
    Size cells() const { return sizes.back(); }
    std::int64_t narrowest() const { return widths.back(); }
    /// Numbers that the linear maps of the bottleneck see at once: a cell's, or all.
    std::int64_t features() const { return narrowest() * (spatial ? 1 : cells().height * cells().width); }

    bool spatial;
    std::int64_t latent;
    std::vector<Size> sizes;           // the image's, then one a stage
    std::vector<std::int64_t> widths;  // channels, one a stage
};

/// In [-10, 10], softly: no posterior is narrower or wider than any image needs.
Tensor bounded_log_variance(const Tensor& raw) { return 10.0 * at::tanh(at_least_single(raw) / 10.0); }

/// For every class, numbers that are added to the maps at the bottleneck. They begin at zero.
Tensor register_labels(Module& parent, const VaeNetOptions& options, const Plan& plan) {
    return options.classes == 0
               ? Tensor()
               : parent.register_parameter(
                     "labels", at::zeros({options.classes, plan.narrowest(), plan.cells().height, plan.cells().width}));
}

Tensor with_labels(const Tensor& x, const Tensor& planes, const Tensor& labels) {
    return planes.defined() ? x + planes.index_select(0, labels) : x;
}

class ResidualEncoder : public Module {
  public:
    ResidualEncoder(const VaeNetOptions& options, const Plan& plan)
        : spatial_(plan.spatial), latent_(plan.latent), labels_(register_labels(*this, options, plan)) {
        const auto list = register_module("stages", std::make_shared<Module>());
        std::int64_t in = options.channels;
        for (std::size_t i = 0; i < plan.widths.size(); ++i) {
            stages_.push_back(list->register_module(
                std::to_string(i),
                std::make_shared<Stage>(convolution(in, plan.widths[i], 3, 2), plan.widths[i], options.blocks)));
            in = plan.widths[i];
        }
        head_ = register_module("head", Linear(plan.features(), 2 * plan.latent));
    }

    Posterior forward(const Tensor& images, const Tensor& labels) {
        Tensor x = images.contiguous(kChannelsLast);
        for (const auto& stage : stages_) {
            x = stage->blocks(convolve(*stage->conv, x));
        }
        x = apply_silu(with_labels(x, labels_, labels));  // [N,C,h,w]
        x = spatial_ ? multiply(*head_, x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2}) : multiply(*head_, x.flatten(1));
        return {at_least_single(x.narrow(1, 0, latent_)), bounded_log_variance(x.narrow(1, latent_, latent_))};
    }

  private:
    bool spatial_;
    std::int64_t latent_;
    Tensor labels_;
    std::vector<std::shared_ptr<Stage>> stages_;
    Linear head_ = nullptr;
};

class ResidualDecoder : public Module {
  public:
    ResidualDecoder(const VaeNetOptions& options, const Plan& plan)
        : plan_(plan), labels_(register_labels(*this, options, plan)) {
        stem_ = register_module("stem", Linear(plan.latent, plan.features()));
        const auto list = register_module("stages", std::make_shared<Module>());
        for (std::size_t i = plan.widths.size(); i-- > 0;) {
            Conv2d on = nullptr;
            if (i > 0) {
                on = convolution(plan.widths[i], plan.widths[i - 1], 1);
            }
            stages_.push_back(list->register_module(std::to_string(plan.widths.size() - 1 - i),
                                                    std::make_shared<Stage>(on, plan.widths[i], options.blocks)));
        }
        head_ = register_module("head", convolution(plan.widths[0], 4 * options.channels, 3));
    }

    Tensor forward(const Tensor& latents, const Tensor& labels) {
        Tensor x =
            plan_.spatial
                ? multiply(*stem_, latents.permute({0, 2, 3, 1})).permute({0, 3, 1, 2})
                : multiply(*stem_, latents).view({-1, plan_.narrowest(), plan_.cells().height, plan_.cells().width});
        x = with_labels(x, labels_, labels).contiguous(kChannelsLast);
        for (std::size_t i = 0; i < stages_.size(); ++i) {
            x = stages_[i]->blocks(x);
            if (i + 1 < stages_.size()) {
                // The next size up, its last row and column cut off where it is odd.
                x = at::upsample_nearest2d(convolve(*stages_[i]->conv, x), {2 * x.size(2), 2 * x.size(3)});
                x = cut(x, plan_.sizes[plan_.sizes.size() - 2 - i]);
            }
        }
        return cut(at::pixel_shuffle(convolve(*head_, apply_silu(x)), 2), plan_.sizes[0]);  // [N,C,H,W]
    }

  private:
    Plan plan_;
    Tensor labels_;
    Linear stem_ = nullptr;
    std::vector<std::shared_ptr<Stage>> stages_;
    Conv2d head_ = nullptr;
};

/// Normal numbers that keep the size of what passes through (He et al. 2015): twice as much variance behind a SiLU.
void initialize(const Module& net, std::uint64_t seed) {
    const c10::NoGradGuard no_grad;
    for (const auto& item : net.named_parameters()) {
        const std::string& name = item.key();
        const Tensor& weight = item.value();
        const auto in = [&](const char* part) { return name.find(part) != std::string::npos; };
        if (!name.ends_with(".weight") || in(".conv2.")) {
            weight.zero_();
            continue;
        }
        const bool activated = in(".conv1.") || in(".head.");
        const double deviation = std::sqrt((activated ? 2.0 : 1.0) / fan_in(weight));
        fill_normal_(weight, in(".head.") ? kHeadScale * deviation : deviation, seed, name);
    }
}

class ResidualVae final : public VaeNet {
  public:
    ResidualVae(const VaeNetOptions& options, std::uint64_t seed) : logits_(options.logits) {
        const Plan plan(options);
        shape_ = {plan.latent};
        if (plan.spatial) {
            shape_ = {plan.latent, plan.cells().height, plan.cells().width};
        }
        encoder_ = register_module("encoder", std::make_shared<ResidualEncoder>(options, plan));
        decoder_ = register_module("decoder", std::make_shared<ResidualDecoder>(options, plan));
        initialize(*this, seed);
    }
    Posterior encode(const Tensor& images, const Tensor& labels) override {
        return encoder_->forward(logits_ ? images : 2.0 * images - 1.0, labels);
    }
    Tensor decode(const Tensor& latents, const Tensor& labels) override {
        const Tensor outputs = decoder_->forward(latents, labels);
        return logits_ ? outputs : 0.5 * outputs + 0.5;
    }
    bool outputs_logits() const override { return logits_; }
    std::vector<std::int64_t> latent_shape() const override { return shape_; }

  private:
    bool logits_;
    std::vector<std::int64_t> shape_;
    std::shared_ptr<ResidualEncoder> encoder_;
    std::shared_ptr<ResidualDecoder> decoder_;
};

}  // namespace

std::shared_ptr<VaeNet> make_residual_vae(const VaeNetOptions& options, std::uint64_t seed) {
    return std::make_shared<ResidualVae>(options, seed);
}

}  // namespace reverie
