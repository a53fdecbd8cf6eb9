#include "cli/pictures/masks.h"

#include <ATen/ATen.h>

#include "reverie/image/color.h"
#include "reverie/image/picture.h"
#include "reverie/image/resample.h"

namespace reverie {

Tensor read_on_white(const std::filesystem::path& path, std::int64_t max_pixels) {
    const Picture picture = read_picture(path, {.max_pixels = max_pixels});
    return picture.alpha.defined() ? picture.color * picture.alpha + (1.0 - picture.alpha) : picture.color;
}

Tensor read_mask(const std::filesystem::path& path, std::int64_t max_pixels) {
    const Picture picture = read_picture(path, {.max_pixels = max_pixels});
    const Tensor luma = luma_of(picture.color);
    return picture.alpha.defined() ? luma * picture.alpha : luma;
}

Tensor mask_at(const Tensor& mask, Size size) {
    const Tensor resized = resize(mask, size, Resample::Bicubic);
    // Sums of weights are 1 but for rounding; a pixel counts as protected only at 1 itself.
    constexpr double kRounding = 1.0 / 1024;
    const Tensor ends = at::where(resized > 1.0 - kRounding, at::ones_like(resized), resized);
    return at::where(ends < kRounding, at::zeros_like(ends), ends);
}

Tensor MaskFitter::fitted(const Mask& mask, Size size) {
    if (const Size own = size_of(mask.values); own != size) {
        const std::string sentence = "the mask '" + mask.path.string() + "' has " + text_of(own) +
                                     " pixels and is resampled to the picture's " + text_of(size);
        const std::lock_guard lock(saying_);
        if (said_.insert(sentence).second) {
            console_.info(sentence);
        }
    }
    return mask_at(mask.values, size);
}

void warn_of_left_out(Session& session, const std::string& flag, bool given) {
    if (const std::string file = session.from().value(flag); !given && !file.empty()) {
        session.console().warning("the picture of --from was made with --" + flag + " '" + file +
                                  "', which is left out; give it by its path");
    }
}

}  // namespace reverie
