// The lite generator of FastGAN (Liu et al.: Towards Faster and Stabilized GAN Training, 2021), as Sauer et al. (2021)
// train it, cut to any size.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/embedding.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/precision.h"
#include "kernels/activation.h"
#include "kernels/convolution.h"
#include "models/convolve.h"
#include "models/gan_layers.h"
#include "models/gan_nets.h"
#include "models/initialize.h"
#include "models/pyramid.h"

namespace reverie {
namespace {

using torch::nn::Embedding;
using torch::nn::Module;

constexpr std::int64_t kLeastSide = 4;       // of the smallest maps
constexpr std::int64_t kMostWidths = 8;      // the widest maps have that many times the channels of the finest
constexpr std::size_t kExcitedLevels = 4;    // from the maps that a gate comes from to those it opens
constexpr std::size_t kMostExcitations = 3;  // from maps of 4, 8 and 16 pixels
constexpr std::int64_t kExcitationSide = 4;

/// Channels by level, from the images' size on: the second level is no wider than the first.
std::vector<std::int64_t> level_widths(std::int64_t width, std::size_t levels) {
    std::vector<std::int64_t> widths = stage_widths(width, kMostWidths * width, levels - 1);
    widths.insert(widths.begin(), width);
    return widths;
}

/// A batch norm, which a label, where there are any, gives a gain and a shift of its own, and a gated linear unit.
class GatedNorm : public torch::nn::BatchNorm2dImpl {
  public:
    GatedNorm(std::int64_t channels, std::int64_t classes) : BatchNorm2dImpl(channels) {
        if (classes > 0) {
            scales_ = register_module("scales", Embedding(classes, channels));
            shifts_ = register_module("shifts", Embedding(classes, channels));
        }
    }
    Tensor gated(const Tensor& x, const Tensor& labels) {  // [N,2C,H,W] -> [N,C,H,W]
        Tensor y = normalize(*this, x);
        if (!scales_.is_empty()) {
            const auto cells = [&](Embedding& table) { return table(labels).unsqueeze(-1).unsqueeze(-1); };
            y = at::addcmul(y + cells(shifts_), y, cells(scales_));
        }
        return apply_glu(y);
    }

  private:
    Embedding scales_ = nullptr, shifts_ = nullptr;
};

/// From one level to the next finer one: "weight" of the convolution, and "norm".
class Enlarging : public GanWeight {
  public:
    Enlarging(std::int64_t in, std::int64_t out, Size size, std::int64_t classes)
        : GanWeight({2 * out, in, 3, 3}, /*with_bias=*/false, /*spectral_norm=*/true),
          size_(size),
          norm_(register_module("norm", std::make_shared<GatedNorm>(2 * out, classes))) {}
    Tensor forward(const Tensor& x, const Tensor& labels) {
        return norm_->gated(cut(enlarging_convolution(x, weight()), size_), labels);
    }

  private:
    Size size_;
    std::shared_ptr<GatedNorm> norm_;
};

/// Skip-layer excitation: a gate for each channel of fine maps, from coarse ones.
class Excitation : public Module {
  public:
    Excitation(std::int64_t coarse, std::int64_t fine) {
        const auto layer = [&](const char* name, std::int64_t in, std::int64_t side) {
            const std::vector<std::int64_t> shape = {fine, in, side, side};
            return register_module(name, std::make_shared<GanWeight>(shape, /*with_bias=*/false, true));
        };
        squeeze_ = layer("squeeze", coarse, kExcitationSide);
        excite_ = layer("excite", fine, 1);
    }
    Tensor gates(const Tensor& coarse) const {  // [N,C,1,1]
        const Tensor squeezed = apply_silu(convolution(pooled(coarse), squeeze_->weight(), {}, 1, 0));
        return at::sigmoid(convolution(squeezed, excite_->weight(), {}, 1, 0));
    }

  private:
    /// Adaptive means, by products: the gradient of LibTorch's own has no deterministic form on CUDA.
    static Tensor pooled(const Tensor& maps) {
        const auto means = [&](std::int64_t cells) {  // [4,cells]
            return at::adaptive_avg_pool1d(at::eye(cells, maps.options()).unsqueeze(0), kExcitationSide)[0].t();
        };
        if (maps.size(2) == kExcitationSide && maps.size(3) == kExcitationSide) {
            return maps;
        }
        return at::matmul(means(maps.size(2)), at::matmul(maps, means(maps.size(3)).t()));
    }

    std::shared_ptr<GanWeight> squeeze_, excite_;
};

class FastganGenerator final : public LayoutGenerator {
  public:
    FastganGenerator(const GanNetOptions& options, std::uint64_t seed)
        : sizes_(pyramid(options.size, kLeastSide)), widths_(level_widths(options.generator_width, sizes_.size())) {
        const std::int64_t classes = options.classes;
        const std::int64_t wide = 2 * widths_.back();
        stem_ = register_module(
            "stem",
            std::make_shared<GanWeight>(std::vector<std::int64_t>{wide * base().height * base().width, options.latent},
                                        /*with_bias=*/false, /*spectral_norm=*/true));
        norm_ = register_module("norm", std::make_shared<GatedNorm>(wide, classes));
        const auto stages = register_module("stages", std::make_shared<Module>());
        const auto excitations = register_module("excitations", std::make_shared<Module>());
        for (std::size_t level = sizes_.size() - 1; level-- > 0;) {
            stages_.push_back(stages->register_module(
                std::to_string(stages_.size()),
                std::make_shared<Enlarging>(widths_[level + 1], widths_[level], sizes_[level], classes)));
            if (stages_.size() >= kExcitedLevels && excitations_.size() < kMostExcitations) {
                excitations_.push_back(excitations->register_module(
                    std::to_string(excitations_.size()),
                    std::make_shared<Excitation>(widths_[level + kExcitedLevels], widths_[level])));
            }
        }
        head_ = register_module(
            "head", std::make_shared<GanWeight>(std::vector<std::int64_t>{options.channels, widths_.front(), 3, 3},
                                                /*with_bias=*/true, /*spectral_norm=*/true));
        initialize_as_dcgan(*this, seed);
        initialize_norms(*this, seed);
    }

    Tensor coarsest_maps(const Tensor& latents, const Tensor& labels) override {
        const Tensor unit = latents * at::rsqrt(latents.square().mean(1, /*keepdim=*/true) + 1e-8);
        const Tensor x =
            fully_connected(unit, stem_->weight(), {}).view({-1, 2 * widths_.back(), base().height, base().width});
        return norm_->gated(x.contiguous(at::MemoryFormat::ChannelsLast), labels);
    }

    Tensor images_of(const Tensor& coarsest, const Tensor& labels) override {
        std::vector<Tensor> maps = {coarsest};
        Tensor x;
        for (std::size_t i = 0; i < stages_.size(); ++i) {
            x = stages_[i]->forward(maps.back(), labels);
            const std::size_t excitation = i + 1 - kExcitedLevels;
            if (i + 1 >= kExcitedLevels && excitation < excitations_.size()) {
                x = x * excitations_[excitation]->gates(maps[excitation]);
            }
            maps.push_back(x);
        }
        return at::tanh(at_least_single(convolution(maps.back(), head_->weight(), head_->bias(), 1, 1)));
    }

    void begin_as(const Tensor& colors) override {
        const c10::NoGradGuard no_grad;
        head_->bias().copy_(bias_for_colors(colors));
    }

    void advance_norms() override { advance_norms_of(*this); }

  private:
    Size base() const { return sizes_.back(); }

    std::vector<Size> sizes_;  // by level, the image's first
    std::vector<std::int64_t> widths_;
    std::shared_ptr<GanWeight> stem_, head_;
    std::shared_ptr<GatedNorm> norm_;
    std::vector<std::shared_ptr<Enlarging>> stages_;
    std::vector<std::shared_ptr<Excitation>> excitations_;
};

}  // namespace

std::shared_ptr<GanGenerator> make_fastgan_generator(const GanNetOptions& options, std::uint64_t seed) {
    return std::make_shared<FastganGenerator>(options, seed);
}

}  // namespace reverie
