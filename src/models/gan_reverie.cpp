// Our own family: a DCGAN cut to any size, its discriminator held by spectral norms.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/precision.h"
#include "models/convolve.h"
#include "models/gan_layers.h"
#include "models/gan_nets.h"
#include "models/initialize.h"
#include "models/pyramid.h"

namespace reverie {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::ConvTranspose2d;
using torch::nn::ConvTranspose2dOptions;
using torch::nn::Embedding;
using torch::nn::Linear;
using torch::nn::LinearOptions;
using torch::nn::Module;

constexpr std::int64_t kLeastSide = 4;    // of the smallest maps
constexpr std::int64_t kMostWidths = 8;   // the widest maps have that many times the channels of the finest
constexpr std::int64_t kLabelWidth = 32;  // numbers that tell the generator a label
constexpr double kSlope = 0.2;            // of LeakyReLU

/// Maps of both nets: level i has sizes[i + 1] and widths[i].
struct Plan {
    Plan(const GanNetOptions& options, std::int64_t width)
        : sizes(pyramid(options.size, kLeastSide)), widths(stage_widths(width, kMostWidths * width, sizes.size() - 1)) {
        std::int64_t nearest = 0;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            const std::int64_t away = std::abs(std::min(sizes[i + 1].height, sizes[i + 1].width) - options.attention);
            if (options.attention > 0 && (attention < 0 || away <= nearest)) {
                attention = static_cast<int>(i);
                nearest = away;
            }
        }
    }
    Size base() const { return sizes.back(); }
    bool attends(std::size_t level) const { return static_cast<int>(level) == attention; }

    std::vector<Size> sizes;  // the image's, then one a level
    std::vector<std::int64_t> widths;
    int attention = -1;  // its level; -1: nowhere
};

/// A transposed convolution that doubles both sides.
ConvTranspose2d doubling(std::int64_t in, std::int64_t out, bool bias) {
    return ConvTranspose2d(ConvTranspose2dOptions(in, out, 4).stride(2).padding(1).bias(bias));
}

/// `conv` and what follows it in the generator: the last row and column cut off where the level is odd, and a norm.
class Upward : public Module {
  public:
    Upward(std::int64_t in, std::int64_t out, Size size)
        : size_(size),
          conv_(register_module("conv", doubling(in, out, /*bias=*/false))),
          norm_(register_module("norm", BatchNorm2d(out))) {}
    Tensor forward(const Tensor& x) { return normalize(*norm_, cut(convolve(*conv_, x), size_), /*leaky_slope=*/0.0); }

  private:
    Size size_;
    ConvTranspose2d conv_;
    BatchNorm2d norm_;
};

class ReverieGenerator final : public GanGenerator {
  public:
    ReverieGenerator(const GanNetOptions& options, std::uint64_t seed) : plan_(options, options.generator_width) {
        std::int64_t in = options.latent;
        if (options.classes > 0) {
            labels_ = register_module("labels", Embedding(options.classes, kLabelWidth));
            in += kLabelWidth;
        }
        const std::vector<std::int64_t>& widths = plan_.widths;
        const std::int64_t cells = plan_.base().height * plan_.base().width;
        stem_ = register_module("stem", Linear(LinearOptions(in, widths.back() * cells).bias(false)));
        norm_ = register_module("norm", BatchNorm2d(widths.back()));
        const auto list = register_module("stages", std::make_shared<Module>());
        for (std::size_t level = widths.size() - 1; level > 0; --level) {
            stages_.push_back(
                list->register_module(std::to_string(stages_.size()),
                                      std::make_shared<Upward>(widths[level], widths[level - 1], plan_.sizes[level])));
        }
        if (plan_.attention >= 0) {
            attention_ = register_module(
                "attention", std::make_shared<SelfAttention>(widths[static_cast<std::size_t>(plan_.attention)], false));
        }
        head_ = register_module("head", doubling(widths[0], options.channels, /*bias=*/true));
        initialize_as_dcgan(*this, seed);
        if (!labels_.is_empty()) {
            fill_normal_(labels_->weight, 1.0, seed, "labels.weight");  // as the latents beside it
        }
    }

    Tensor forward(const Tensor& latents, const Tensor& labels) override {
        const Tensor in = labels_.is_empty() ? latents : at::cat({latents, labels_(labels)}, 1);
        Tensor x = multiply(*stem_, in).view({-1, plan_.widths.back(), plan_.base().height, plan_.base().width});
        x = x.contiguous(at::MemoryFormat::ChannelsLast);  // a sixth quicker on CPUs
        x = attended(normalize(*norm_, x, /*leaky_slope=*/0.0), stages_.size());
        for (std::size_t i = 0; i < stages_.size(); ++i) {
            x = attended(stages_[i]->forward(x), stages_.size() - 1 - i);
        }
        return at::tanh(at_least_single(cut(convolve(*head_, x), plan_.sizes[0])));
    }

    void begin_as(const Tensor& colors) override {
        const c10::NoGradGuard no_grad;
        head_->bias.copy_(bias_for_colors(colors));
    }

  private:
    Tensor attended(const Tensor& x, std::size_t level) { return plan_.attends(level) ? attention_->forward(x) : x; }

    Plan plan_;
    Embedding labels_ = nullptr;
    Linear stem_ = nullptr;
    BatchNorm2d norm_ = nullptr;
    std::vector<std::shared_ptr<Upward>> stages_;
    std::shared_ptr<SelfAttention> attention_;
    ConvTranspose2d head_ = nullptr;
};

/// Half of both sides, rounded up: odd ones get a second row or column of zeros behind the picture.
Tensor halved(const Tensor& x, const GanWeight& layer) {
    const std::int64_t odd_height = x.size(2) % 2;
    const std::int64_t odd_width = x.size(3) % 2;
    const Tensor in = odd_height + odd_width > 0 ? at::constant_pad_nd(x, {0, odd_width, 0, odd_height}) : x;
    return convolution(in, layer.weight(), layer.bias(), 2, 1, {.leaky_slope = kSlope});
}

class ReverieDiscriminator final : public GanDiscriminator {
  public:
    ReverieDiscriminator(const GanNetOptions& options, std::uint64_t seed)
        : plan_(options, options.discriminator_width), deviation_(options.minibatch_deviation) {
        const auto layer = [&](const std::vector<std::int64_t>& shape, bool bias) {
            return std::make_shared<GanWeight>(shape, bias, options.spectral_norm);
        };
        const auto list = register_module("stages", std::make_shared<Module>());
        std::int64_t in = options.channels;
        for (const std::int64_t width : plan_.widths) {
            stages_.push_back(list->register_module(std::to_string(stages_.size()), layer({width, in, 4, 4}, true)));
            in = width;
        }
        if (plan_.attention >= 0) {
            attention_ = register_module(
                "attention", std::make_shared<SelfAttention>(plan_.widths[static_cast<std::size_t>(plan_.attention)],
                                                             options.spectral_norm));
        }
        if (options.classes > 0) {
            labels_ = register_module("labels", layer({options.classes, in}, false));
        }
        const std::int64_t features = (in + (deviation_ ? 1 : 0)) * plan_.base().height * plan_.base().width;
        head_ = register_module("head", layer({1, features}, true));
        initialize_for_leaky_relu(*this, kSlope, seed);
        initialize_norms(*this, seed);
    }

    Tensor forward(const std::vector<Tensor>& seen, const Tensor& labels, const DropoutNoise& /*dropout*/) override {
        Tensor x = seen.front().contiguous(at::MemoryFormat::ChannelsLast);
        for (std::size_t level = 0; level < stages_.size(); ++level) {
            x = halved(x, *stages_[level]);
            x = plan_.attends(level) ? attention_->forward(x) : x;
        }
        const Tensor last = deviation_ ? with_minibatch_deviation(x) : x;
        Tensor logits = at_least_single(fully_connected(last.flatten(1), head_->weight(), head_->bias()).squeeze(1));
        if (!labels_) {
            return logits;
        }
        // The projection of Miyato and Koyama (2018).
        return logits +
               (labels_->weight().index_select(0, labels) * x.sum({2, 3}, false, at_least_single_type(x))).sum(1);
    }

    void advance_norms() override { advance_norms_of(*this); }

  private:
    Plan plan_;
    bool deviation_;
    std::vector<std::shared_ptr<GanWeight>> stages_;
    std::shared_ptr<SelfAttention> attention_;
    std::shared_ptr<GanWeight> labels_;
    std::shared_ptr<GanWeight> head_;
};

}  // namespace

std::shared_ptr<GanGenerator> make_reverie_generator(const GanNetOptions& options, std::uint64_t seed) {
    return std::make_shared<ReverieGenerator>(options, seed);
}
std::shared_ptr<GanDiscriminator> make_reverie_discriminator(const GanNetOptions& options, std::uint64_t seed) {
    return std::make_shared<ReverieDiscriminator>(options, seed);
}

}  // namespace reverie
