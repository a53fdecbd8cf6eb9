// The discriminators of Sauer et al. (Projected GANs Converge Faster, 2021): a small one for each projected map of a
// frozen net.
#include <ATen/ATen.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "core/precision.h"
#include "kernels/convolution.h"
#include "models/convolve.h"
#include "models/gan_layers.h"
#include "models/gan_nets.h"
#include "models/initialize.h"

namespace reverie {
namespace {

using torch::nn::BatchNorm2d;
using torch::nn::Module;

constexpr double kSlope = 0.2;            // of LeakyReLU
constexpr std::int64_t kHead = 4;         // side of the last window
constexpr std::int64_t kMostWidths = 8;   // the widest maps have that many times the channels of the finest
constexpr std::int64_t kLabelWidth = 64;  // numbers that tell a discriminator a label

std::shared_ptr<GanWeight> windows(std::int64_t out, std::int64_t in, bool spectral_norm, bool with_bias = false) {
    return std::make_shared<GanWeight>(std::vector<std::int64_t>{out, in, kHead, kHead}, with_bias, spectral_norm);
}

/// Of one map: halved by strides, with batch norm (if wanted) and LeakyReLU, and judged by windows of 4x4.
class MapDiscriminator : public Module {
  public:
    MapDiscriminator(std::int64_t in, const std::vector<std::int64_t>& widths, bool normed,
                     const GanNetOptions& options) {
        const auto stages = register_module("stages", std::make_shared<Module>());
        const auto norms = normed ? register_module("norms", std::make_shared<Module>()) : nullptr;
        for (const std::int64_t width : widths) {
            const std::string name = std::to_string(stages_.size());
            stages_.push_back(stages->register_module(name, windows(width, in, options.spectral_norm, !normed)));
            if (normed) {
                norms_.push_back(norms->register_module(name, BatchNorm2d(width)));
            }
            in = width;
        }
        head_ = register_module("head", windows(1, in, options.spectral_norm));
        if (options.classes > 0) {
            label_ = register_module("label", windows(kLabelWidth, in, options.spectral_norm));
            embedding_ = register_module(
                "embedding", std::make_shared<GanWeight>(std::vector<std::int64_t>{options.classes, kLabelWidth},
                                                         /*with_bias=*/false, options.spectral_norm));
        }
    }

    Tensor forward(const Tensor& map, const Tensor& labels) {  // [N,C,H,W] -> [N,places]
        Tensor x = map;
        for (std::size_t i = 0; i < stages_.size(); ++i) {
            const GanWeight& stage = *stages_[i];
            x = norms_.empty() ? convolution(x, stage.weight(), stage.bias(), 2, 1, {.leaky_slope = kSlope})
                               : normalize(*norms_[i], convolution(x, stage.weight(), {}, 2, 1), kSlope);
        }
        Tensor logits = convolution(x, head_->weight(), {}, 1, 0);
        if (label_) {  // the projection of Miyato and Koyama (2018), place by place
            const Tensor seen = convolution(x, label_->weight(), {}, 1, 0);
            const Tensor wanted = embedding_->weight().index_select(0, labels).unsqueeze(-1).unsqueeze(-1);
            logits = logits + (seen * wanted).sum(1, /*keepdim=*/true) / std::sqrt(static_cast<double>(kLabelWidth));
        }
        return at_least_single(logits.flatten(1));
    }

  private:
    std::vector<std::shared_ptr<GanWeight>> stages_;
    std::vector<BatchNorm2d> norms_;
    std::shared_ptr<GanWeight> head_, label_, embedding_;
};

class ProjectedDiscriminator final : public GanDiscriminator {
  public:
    ProjectedDiscriminator(const GanNetOptions& options, std::uint64_t seed) {
        const auto scales = register_module("scales", std::make_shared<Module>());
        const auto add = [&](std::int64_t channels, const std::vector<std::int64_t>& widths, bool normed) {
            scales_.push_back(scales->register_module(
                std::to_string(scales_.size()), std::make_shared<MapDiscriminator>(channels, widths, normed, options)));
        };
        const auto width_of = [&](std::int64_t times) {
            return options.discriminator_width * std::min(kMostWidths, times);
        };
        // All maps are halved down to the size that the coarsest can be halved to, once if at all.
        const Size shown = projected_size(options);
        std::int64_t last = kProjectedMaps.back().stride;
        if (std::min(shown.height, shown.width) / (2 * last) >= kHead) {
            last *= 2;
        }
        for (const ProjectedMap& map : kProjectedMaps) {
            std::vector<std::int64_t> widths;
            for (std::int64_t stride = 2 * map.stride; stride <= last; stride *= 2) {
                widths.push_back(width_of(stride / 4));
            }
            add(map.channels, widths, /*normed=*/true);
        }
        if (options.pixel_branch) {
            std::vector<std::int64_t> widths;
            for (std::int64_t stride = 2; std::min(options.size.height, options.size.width) / stride >= kHead;
                 stride *= 2) {
                widths.push_back(width_of(stride / 2));
            }
            // Reals and fakes pass in batches of their own, and a norm of each would take away what this branch is for:
            // how light and how rich in contrast images are.
            add(options.channels, widths, /*normed=*/false);
        }
        initialize_as_dcgan(*this, seed);
        initialize_norms(*this, seed);
    }

    Tensor forward(const std::vector<Tensor>& seen, const Tensor& labels, const DropoutNoise& /*dropout*/) override {
        std::vector<Tensor> logits;
        for (std::size_t i = 0; i < scales_.size(); ++i) {
            logits.push_back(scales_[i]->forward(seen.at(i), labels));
        }
        return at::cat(logits, 1);
    }

    void advance_norms() override { advance_norms_of(*this); }

  private:
    std::vector<std::shared_ptr<MapDiscriminator>> scales_;
};

}  // namespace

std::shared_ptr<GanDiscriminator> make_projected_discriminator(const GanNetOptions& options, std::uint64_t seed) {
    return std::make_shared<ProjectedDiscriminator>(options, seed);
}

}  // namespace reverie
