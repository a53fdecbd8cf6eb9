#include "data/pixels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "image/decode.h"
#include "reverie/image/resample.h"

namespace reverie::data {
namespace {

Tensor to_bytes(const Tensor& image) { return image.clamp(0, 1).mul(255).add(0.5).to(at::kByte); }

/// Interleaved bytes as they are, without a copy.
Tensor adopt(image::Raster raster) {
    std::byte* bytes = raster.data.release();
    return at::from_blob(
        bytes, {raster.size.height, raster.size.width, raster.channels}, [bytes](void*) { delete[] bytes; }, at::kByte);
}

/// Where along one axis of [H,W,C] something happens: the squared differences to the next pixel right and below.
std::vector<std::int64_t> detail(const Tensor& pixels, bool along_width) {
    const std::int64_t height = pixels.size(0);
    const std::int64_t width = pixels.size(1);
    const std::int64_t channels = pixels.size(2);
    const auto* data = pixels.const_data_ptr<std::uint8_t>();
    std::vector<std::int64_t> sums(static_cast<std::size_t>(along_width ? width : height));
    for (std::int64_t y = 0; y + 1 < height; ++y) {
        for (std::int64_t x = 0; x + 1 < width; ++x) {
            std::int64_t energy = 0;
            for (std::int64_t c = 0; c < channels; ++c) {
                const std::uint8_t* at = data + (y * width + x) * channels + c;
                const int right = at[channels] - at[0];
                const int below = at[width * channels] - at[0];
                energy += right * right + below * below;
            }
            sums[static_cast<std::size_t>(along_width ? x : y)] += energy;
        }
    }
    return sums;
}

/// The start of the window of `length` with the most detail, nearest to the middle among equals.
std::int64_t richest_window(const std::vector<std::int64_t>& detail, std::int64_t length) {
    const auto places = static_cast<std::int64_t>(detail.size()) - length + 1;
    const std::int64_t middle = (places - 1) / 2;
    std::int64_t sum = 0;
    std::int64_t best = -1;
    std::int64_t best_start = 0;
    for (std::int64_t end = 0; end < static_cast<std::int64_t>(detail.size()); ++end) {
        sum += detail[static_cast<std::size_t>(end)];
        const std::int64_t start = end - length + 1;
        if (start < 0) {
            continue;
        }
        if (sum > best || (sum == best && std::abs(start - middle) < std::abs(best_start - middle))) {
            best = sum;
            best_start = start;
        }
        sum -= detail[static_cast<std::size_t>(start)];
    }
    return best_start;
}

/// [H,W,C] -> [H',W',C].
Tensor resize_bytes(const Tensor& pixels, Size size) {
    if (Size{pixels.size(0), pixels.size(1)} == size) {
        return pixels;
    }
    // Interleaved channels are what channels_last means, so that nothing is rearranged.
    const Tensor image = pixels.permute({2, 0, 1}).unsqueeze(0);
    return at::_upsample_bicubic2d_aa(image, {size.height, size.width}, /*align_corners=*/false)
        .squeeze(0)
        .permute({1, 2, 0})
        .contiguous();
}

/// RGBA [H,W,4] whose alpha varies: colours are weighted by it while they are mixed, or what nobody sees would shine
/// through. Composited on white when `keep_alpha` is not set.
Tensor resize_alpha(const Tensor& pixels, Size size, bool keep_alpha) {
    const Tensor image = pixels.permute({2, 0, 1}).to(at::kFloat).div_(255).contiguous();
    const Tensor alpha = image.slice(0, 3, 4);
    const Tensor mixed = resize(at::cat({image.slice(0, 0, 3) * alpha, alpha}), size).clamp(0, 1);
    const Tensor color = mixed.slice(0, 0, 3);
    const Tensor cover = mixed.slice(0, 3, 4);
    const Tensor result = keep_alpha ? at::cat({at::where(cover > 0, color / cover, 0.0), cover}) : color + (1 - cover);
    return to_bytes(result).permute({1, 2, 0}).contiguous();
}

/// [H,W,C] with C as stored -> planes of the channels wanted. Colour becomes grey by Rec. 709's luma in 16-bit
/// fractions.
void write_planes(const Tensor& pixels, std::int64_t channels, std::uint8_t* out) {
    const std::int64_t stored = pixels.size(2);
    const std::int64_t plane = pixels.size(0) * pixels.size(1);
    const auto* in = pixels.const_data_ptr<std::uint8_t>();
    if (channels == 1 && stored > 1) {
        for (std::int64_t i = 0; i < plane; ++i, in += stored) {
            out[i] = static_cast<std::uint8_t>((in[0] * 13933 + in[1] * 46871 + in[2] * 4732 + 32768) >> 16);
        }
        return;
    }
    for (std::int64_t c = 0; c < channels; ++c) {
        if (c == 3 && stored < 4) {
            std::fill_n(out + c * plane, plane, std::uint8_t{255});
            continue;
        }
        const std::uint8_t* from = in + (stored == 1 ? 0 : c);
        std::uint8_t* to = out + c * plane;
        for (std::int64_t i = 0; i < plane; ++i) {
            to[i] = from[i * stored];
        }
    }
}

}  // namespace

Tensor decode_pixels(image::Bytes bytes, const std::string& name, const LoadOptions& options) {
    image::Decoded decoded = image::decode_raster(bytes, name, {.max_pixels = options.max_pixels}, options.at_least);
    const image::Raster& raster = decoded.raster;
    if (raster.bits == 8 && !raster.has_alpha && raster.channels == raster.colors && raster.conversion == nullptr) {
        const int orientation = decoded.orientation;
        const Tensor pixels = adopt(std::move(decoded.raster));
        return orientation == 1
                   ? pixels
                   : image::upright(pixels.permute({2, 0, 1}), orientation).permute({1, 2, 0}).contiguous();
    }
    const Picture picture = image::to_picture(std::move(decoded.raster), decoded.orientation);
    const Tensor planes = picture.alpha.defined() ? at::cat({picture.color, picture.alpha}) : picture.color;
    return to_bytes(planes).permute({1, 2, 0}).contiguous();
}

Crop crop_of(const Tensor& pixels, Size wanted, Fit fit) {
    const Size size = {pixels.size(0), pixels.size(1)};
    Crop crop = {.size = size};
    if (fit == Fit::Stretch) {
        return crop;
    }
    // Rounded to nearest, halves up.
    const auto scaled = [](std::int64_t side, std::int64_t to, std::int64_t from) {
        return std::max<std::int64_t>(1, (2 * side * to + from) / (2 * from));
    };
    const bool cut_width = size.width * wanted.height >= size.height * wanted.width;
    if (cut_width) {
        crop.size.width = std::min(size.width, scaled(size.height, wanted.width, wanted.height));
    } else {
        crop.size.height = std::min(size.height, scaled(size.width, wanted.height, wanted.width));
    }
    const std::int64_t spare = cut_width ? size.width - crop.size.width : size.height - crop.size.height;
    if (spare == 0) {
        return crop;
    }
    std::int64_t& start = cut_width ? crop.left : crop.top;
    start = fit == Fit::Smart
                ? richest_window(detail(pixels, cut_width), cut_width ? crop.size.width : crop.size.height)
                : spare / 2;
    return crop;
}

void fit_pixels(const Tensor& pixels, Size size, Fit fit, std::int64_t channels, std::uint8_t* out) {
    const Crop crop = crop_of(pixels, size, fit);
    const Tensor part = pixels.narrow(0, crop.top, crop.size.height).narrow(1, crop.left, crop.size.width).contiguous();
    const bool varies = part.size(2) == 4 && (part.select(2, 3) != 255).any().item<bool>();
    write_planes(varies ? resize_alpha(part, size, channels == 4) : resize_bytes(part, size), channels, out);
}

}  // namespace reverie::data
