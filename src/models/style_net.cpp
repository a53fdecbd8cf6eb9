#include "reverie/models/style_net.h"

#include <ATen/ATen.h>

#include <string>

#include "kernels/convolution.h"
#include "kernels/norm.h"
#include "models/convolve.h"
#include "models/initialize.h"
#include "models/pyramid.h"
#include "reverie/core/checks.h"
#include "reverie/core/error.h"
#include "reverie/core/size.h"

namespace reverie {
namespace {

using torch::nn::Module;

constexpr double kEpsilon = 1e-5;  // of the norms
constexpr std::int64_t kLeastSide = 8;

std::int64_t half(std::int64_t side) { return (side + 1) / 2; }

Tensor mirrored(const Tensor& x, std::int64_t border) {
    return at::reflection_pad2d(x, {border, border, border, border});
}

Tensor cropped(const Tensor& x, std::int64_t first, std::int64_t height, std::int64_t width) {
    return x.narrow(2, first, height).narrow(3, first, width);
}

/// A convolution over a mirrored border. The quick kernels of 3x3 windows want a border of zeros of one cell: they get
/// it around the mirrored one, and what has seen it is cut away.
Tensor convolved(const Tensor& x, const Tensor& weight) {
    const std::int64_t reach = weight.size(2) / 2;
    if (reach > 1) {
        return convolution(mirrored(x, reach), weight, {}, 1, 0);
    }
    return cropped(convolution(mirrored(x, 1), weight, {}, 1, 1), 1, x.size(2), x.size(3));
}

/// The same with every second window of 3x3, from the first pixel on.
Tensor halved(const Tensor& x, const Tensor& weight) {
    return cropped(convolution(mirrored(x, 2), weight, {}, 2, 1), 1, half(x.size(2)), half(x.size(3)));
}

/// Maps enlarged twice by their nearest cells and convolved over a mirrored border. What a mirror shows beyond enlarged
/// cells is the outermost cell of the small map again.
Tensor doubled(const Tensor& x, const Tensor& weight) {
    const Tensor wider = at::replication_pad2d(x, {1, 1, 1, 1});
    return cropped(enlarging_convolution(wider, weight), 2, 2 * x.size(2), 2 * x.size(3));
}

/// Weights of a convolution, and the values of the norm behind it: a row for each style.
class NormedWeight : public Module {
  public:
    NormedWeight(std::int64_t in, std::int64_t out, std::int64_t window, std::int64_t styles)
        : weight_(register_parameter("weight", at::empty({out, in, window, window}))),
          scale_(register_parameter("scale", at::ones({styles, out}))),
          shift_(register_parameter("shift", at::zeros({styles, out}))) {}

    const Tensor& weight() const { return weight_; }
    Tensor normed(const Tensor& x, const Tensor& styles, std::optional<double> leaky_slope) const {
        const auto rows = [&](const Tensor& table) { return table.index_select(0, styles.to(table.device())); };
        return instance_norm(x, rows(scale_), rows(shift_), kEpsilon, leaky_slope);
    }

  private:
    Tensor weight_, scale_, shift_;
};

class ResidualBlock : public Module {
  public:
    ResidualBlock(std::int64_t channels, std::int64_t styles)
        : conv1_(register_module("conv1", std::make_shared<NormedWeight>(channels, channels, 3, styles))),
          conv2_(register_module("conv2", std::make_shared<NormedWeight>(channels, channels, 3, styles))) {}

    Tensor forward(const Tensor& x, const Tensor& styles) const {
        const Tensor inner = conv1_->normed(convolved(x, conv1_->weight()), styles, 0.0);
        return x + conv2_->normed(convolved(inner, conv2_->weight()), styles, std::nullopt);
    }

  private:
    std::shared_ptr<NormedWeight> conv1_, conv2_;
};

class LastWeight : public Module {
  public:
    LastWeight(std::int64_t in, std::int64_t window)
        : weight_(register_parameter("weight", at::empty({3, in, window, window}))),
          bias_(register_parameter("bias", at::zeros({3}))) {}

    Tensor forward(const Tensor& x) const {
        return convolution(mirrored(x, weight_.size(2) / 2), weight_, bias_, 1, 0);
    }
    const Tensor& weight() const { return weight_; }
    const Tensor& bias() const { return bias_; }

  private:
    Tensor weight_, bias_;
};

class JohnsonNet final : public StyleNet {
  public:
    JohnsonNet(const StyleNetOptions& options, std::uint64_t seed) : options_(options) {
        const auto& [full, middle, quarter] = options.channels;
        const auto styles = static_cast<std::int64_t>(options.styles.size());
        const auto list = [this](const char* name) { return register_module(name, std::make_shared<Module>()); };
        const auto add = [styles](Module& into, std::vector<std::shared_ptr<NormedWeight>>& layers, std::int64_t in,
                                  std::int64_t out, std::int64_t window) {
            layers.push_back(into.register_module(std::to_string(layers.size()),
                                                  std::make_shared<NormedWeight>(in, out, window, styles)));
        };
        const auto down = list("down");
        add(*down, down_, 3, full, options.ends);
        add(*down, down_, full, middle, 3);
        add(*down, down_, middle, quarter, 3);
        const auto blocks = list("blocks");
        for (std::int64_t i = 0; i < options.blocks; ++i) {
            blocks_.push_back(
                blocks->register_module(std::to_string(i), std::make_shared<ResidualBlock>(quarter, styles)));
        }
        const auto up = list("up");
        add(*up, up_, quarter, middle, 3);
        add(*up, up_, middle, full, 3);
        out_ = register_module("out", std::make_shared<LastWeight>(full, options.ends));
        initialize(seed);
    }

    Tensor forward(const Tensor& photos, const Tensor& styles) override {
        require(photos, styles);
        const Size size{photos.size(2), photos.size(3)};
        Tensor x = down_[0]->normed(convolved(photos, down_[0]->weight()), styles, 0.0);
        for (const std::size_t i : {1, 2}) {
            x = down_[i]->normed(halved(x, down_[i]->weight()), styles, 0.0);
        }
        for (const auto& block : blocks_) {
            x = block->forward(x, styles);
        }
        for (const auto& layer : up_) {
            x = layer->normed(doubled(x, layer->weight()), styles, 0.0);
        }
        const Tensor y = cut(out_->forward(x), size);
        return options_.adds_input ? photos + y : y;
    }

    const StyleNetOptions& options() const override { return options_; }

  private:
    void initialize(std::uint64_t seed) {
        const c10::NoGradGuard no_grad;
        for (const auto& item : named_parameters()) {
            if (item.value().dim() == 4) {  // norms keep their 1 and 0
                fill_normal_(item.value(), std::sqrt(2.0 / fan_in(item.value())), seed, item.key());
            }
        }
        constexpr double kContrast = 0.1;  // of the first pictures, about grey
        constexpr double kGrey = 0.5;
        out_->weight().mul_(options_.adds_input ? 0.0 : kContrast);
        out_->bias().fill_(options_.adds_input ? 0.0 : kGrey);
    }

    void require(const Tensor& photos, const Tensor& styles) const {
        require_images(photos, "the photos of a style net");
        if (photos.dim() != 4 || photos.size(2) < kLeastSide || photos.size(3) < kLeastSide) {
            throw Error(ErrorKind::Usage, "the photos of a style net are " + tensor_text(photos) +
                                              "; wanted [N,3,H,W] with sides of at least " +
                                              std::to_string(kLeastSide) + " pixels");
        }
        const auto count = static_cast<std::int64_t>(options_.styles.size());
        if (!styles.defined() || styles.numel() == 0) {
            throw Error(ErrorKind::Usage, "the styles of a style net's photos are " + tensor_text(styles) +
                                              "; wanted int64, one for each photo");
        }
        require_labels(styles, "the styles of a style net's photos", photos.size(0), count);
    }

    StyleNetOptions options_;
    std::vector<std::shared_ptr<NormedWeight>> down_, up_;
    std::vector<std::shared_ptr<ResidualBlock>> blocks_;
    std::shared_ptr<LastWeight> out_;
};

}  // namespace

std::shared_ptr<StyleNet> make_style_net(const StyleNetOptions& options, std::uint64_t seed) {
    validate(options);
    auto net = std::make_shared<JohnsonNet>(options, seed);
    lay_out_for_kernels(*net);
    return net;
}

}  // namespace reverie
