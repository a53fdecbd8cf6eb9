#include "reverie/techniques/augment.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <sstream>
#include <utility>

#include "reverie/core/device.h"
#include "reverie/core/error.h"
#include "reverie/core/noise.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

/// What each uniform number of an image decides. A kind looks at its own, so that leaving one out does not change the
/// others.
enum Draw : std::int64_t {
    kColored,
    kBrightness,
    kSaturation,
    kContrast,
    kMoved,
    kMovedY,
    kMovedX,
    kCut,
    kCutY,
    kCutX,
    kDraws
};

constexpr std::array<std::pair<bool AugmentKinds::*, const char*>, 3> kNames = {
    {{&AugmentKinds::color, "color"}, {&AugmentKinds::translation, "translation"}, {&AugmentKinds::cutout, "cutout"}}};

/// A share of a side, to the nearest pixel.
std::int64_t part_of(std::int64_t side, double share) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(side) * share + 0.5));
}

class Augmenter {
  public:
    Augmenter(const Tensor& images, double cutout_side, const Tensor& probability, Tensor draws)
        : height_(images.size(2)),
          width_(images.size(3)),
          cutout_side_(cutout_side),
          probability_(probability),
          draws_(std::move(draws)) {}

    /// Brightness b, saturation s about the mean P of a pixel's channels and contrast k about the mean M of the image,
    /// one after the other, which together are k s x - k (s - 1) P - (k - 1) M + b; an image left alone has s = k = 1
    /// and b = 0 and so keeps every bit.
    Tensor colored(const Tensor& images) const {
        const Tensor chosen = applies(kColored).to(at::kFloat);
        const Tensor brightness = cells(chosen * (uniform(kBrightness) - 0.5));
        const Tensor contrast = cells(1.0 + chosen * (uniform(kContrast) - 0.5));
        const Tensor pixel_mean = images.mean(1, true);  // [N,1,H,W]
        const Tensor offset = brightness - (contrast - 1.0) * pixel_mean.mean({2, 3}, true);
        if (images.size(1) == 1) {
            return offset + images * contrast;
        }
        const Tensor saturation = cells(1.0 + chosen * (2.0 * uniform(kSaturation) - 1.0));
        return (offset - contrast * (saturation - 1.0) * pixel_mean) + images * (contrast * saturation);
    }

    /// Each pixel fetched from where it was; what was outside is to be made 0 by the mask of inside().
    Tensor moved(const Tensor& images) const {
        const Tensor rows = source(kMovedY, height_).clamp(0, height_ - 1);
        const Tensor columns = source(kMovedX, width_).clamp(0, width_ - 1);
        const Tensor places = (rows.unsqueeze(2) * width_ + columns.unsqueeze(1)).flatten(1).unsqueeze(1);  // [N,1,HW]
        return images.flatten(2).gather(2, places.expand({-1, images.size(1), -1})).view(images.sizes());
    }

    /// [N,1,H,W]: whether a pixel of the moved image was in the image before.
    Tensor inside() const {
        return outer_and(is_inside(source(kMovedY, height_), height_), is_inside(source(kMovedX, width_), width_));
    }

    /// [N,1,H,W]: whether a pixel stays.
    Tensor outside_cutout() const {
        return outer_and(in_cutout(kCutY, height_) & applies(kCut).unsqueeze(1), in_cutout(kCutX, width_))
            .logical_not();
    }

  private:
    Tensor uniform(Draw draw) const { return draws_.select(1, draw); }
    Tensor applies(Draw draw) const { return uniform(draw) < probability_; }
    static Tensor cells(const Tensor& values) { return values.view({-1, 1, 1, 1}); }
    static Tensor is_inside(const Tensor& places, std::int64_t side) { return (places >= 0) & (places < side); }
    static Tensor outer_and(const Tensor& rows, const Tensor& columns) {
        return (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1);
    }

    /// Uniform integers 0 ... count - 1.
    Tensor uniform_integer(Draw draw, std::int64_t count) const {
        return (uniform(draw) * static_cast<double>(count)).floor().to(at::kLong);
    }
    Tensor line(std::int64_t side) const {
        return at::arange(side, draws_.options().dtype(at::kLong)).unsqueeze(0);  // [1,side]
    }

    /// [N,side]: the row or column that each one of the moved image is fetched from.
    Tensor source(Draw draw, std::int64_t side) const {
        const std::int64_t most = part_of(side, 0.125);
        const Tensor shift = (uniform_integer(draw, 2 * most + 1) - most) * applies(kMoved);
        return line(side) - shift.unsqueeze(1);
    }

    /// [N,side]: whether a row or column meets the rectangle, whose centre is anywhere in the image. That of an even
    /// length lies between two pixels, where there is one place more.
    Tensor in_cutout(Draw draw, std::int64_t side) const {
        const std::int64_t length = part_of(side, cutout_side_);
        const Tensor begin = (uniform_integer(draw, side + 1 - length % 2) - length / 2).unsqueeze(1);
        const Tensor places = line(side);
        return (places >= begin) & (places < begin + length);
    }

    std::int64_t height_;
    std::int64_t width_;
    double cutout_side_;
    const Tensor& probability_;
    Tensor draws_;  // [N,kDraws] in [0,1)
};

}  // namespace

AugmentKinds augment_kinds(const std::string& text) {
    AugmentKinds kinds;
    std::istringstream words(text + ',');
    for (std::string word; std::getline(words, word, ',');) {
        bool known = false;
        for (const auto& [kind, name] : kNames) {
            if (word == name) {
                kinds.*kind = known = true;
            }
        }
        if (!known) {
            throw Error(ErrorKind::Usage,
                        "{--augment} '" + text + "' has '" + word + "' in it" +
                            did_you_mean(word, {"color", "translation", "cutout"}) +
                            "; wanted color, translation and cutout, or some of them, with commas between");
        }
    }
    return kinds;
}

std::string text_of(const AugmentKinds& kinds) {
    std::vector<std::string> words;
    for (const auto& [kind, name] : kNames) {
        if (kinds.*kind) {
            words.emplace_back(name);
        }
    }
    return join(words, ",", ",");
}

Tensor augmented(const Tensor& images, const AugmentKinds& kinds, const Tensor& probability, std::uint64_t seed,
                 std::uint64_t stream, std::int64_t first) {
    if (!kinds.any()) {
        return images;
    }
    const Augmenter augmenter(images, kinds.cutout_side, probability,
                              on_device(uniform_noise(seed, stream, first, images.size(0), {kDraws}), images.device()));
    Tensor changed = images;
    if (kinds.color) {
        constexpr std::int64_t kColors = 3;
        if (images.size(1) > kColors) {
            changed = at::cat(
                {augmenter.colored(images.narrow(1, 0, kColors)), images.narrow(1, kColors, images.size(1) - kColors)},
                1);
        } else {
            changed = augmenter.colored(images);
        }
    }
    Tensor stays;
    if (kinds.translation) {
        changed = augmenter.moved(changed);
        stays = augmenter.inside();
    }
    if (kinds.cutout) {
        stays = stays.defined() ? stays & augmenter.outside_cutout() : augmenter.outside_cutout();
    }
    return stays.defined() ? changed * stays.to(changed.scalar_type()) : changed;
}

}  // namespace reverie
