#include "image/raster.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace reverie::image {
namespace {

/// One channel of the interleaved samples to a float plane.
template <typename Sample>
void to_plane(const Raster& raster, int channel, float* plane) {
    const std::int64_t width = raster.size.width;
    constexpr auto kFull = static_cast<float>(std::numeric_limits<Sample>::max());
    at::parallel_for(0, raster.size.height, 16, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t y = first; y < last; ++y) {
            const auto* samples = reinterpret_cast<const Sample*>(raster.row(y)) + channel;
            float* out = plane + y * width;
            for (std::int64_t x = 0; x < width; ++x) {
                out[x] = static_cast<float>(samples[x * raster.channels]) / kFull;
            }
        }
    });
}

void to_plane(const Raster& raster, int channel, float* plane) {
    raster.bits == 16 ? to_plane<std::uint16_t>(raster, channel, plane)
                      : to_plane<std::uint8_t>(raster, channel, plane);
}

template <typename Sample>
void from_plane(const float* plane, Raster& raster, int channel) {
    const std::int64_t width = raster.size.width;
    constexpr auto kFull = static_cast<float>(std::numeric_limits<Sample>::max());
    at::parallel_for(0, raster.size.height, 16, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t y = first; y < last; ++y) {
            auto* samples = reinterpret_cast<Sample*>(raster.row(y)) + channel;
            const float* in = plane + y * width;
            for (std::int64_t x = 0; x < width; ++x) {
                // The comparisons are written so that a NaN becomes 0.
                const float value = in[x] > 0.0F ? (in[x] < 1.0F ? in[x] : 1.0F) : 0.0F;
                // NOLINTNEXTLINE(bugprone-incorrect-roundings): not negative, and lround() is no vector instruction
                samples[x * raster.channels] = static_cast<Sample>(value * kFull + 0.5F);
            }
        }
    });
}

void from_plane(const float* plane, Raster& raster, int channel) {
    raster.bits == 16 ? from_plane<std::uint16_t>(plane, raster, channel)
                      : from_plane<std::uint8_t>(plane, raster, channel);
}

}  // namespace

Tensor upright(const Tensor& image, int orientation) {
    switch (orientation) {
        case 2:
            return image.flip(2);
        case 3:
            return image.flip({1, 2});
        case 4:
            return image.flip(1);
        case 5:
            return image.transpose(1, 2).contiguous();
        case 6:
            return image.transpose(1, 2).flip(2).contiguous();
        case 7:
            return image.transpose(1, 2).flip({1, 2}).contiguous();
        case 8:
            return image.transpose(1, 2).flip(1).contiguous();
        default:
            return image;
    }
}

Raster::Raster(Size size_, int bits_, int colors_, int channels_)
    : size(size_),
      bits(bits_),
      colors(colors_),
      channels(channels_),
      data(std::make_unique_for_overwrite<std::byte[]>(row_bytes() * static_cast<std::size_t>(size_.height))) {}

std::size_t Raster::row_bytes() const noexcept {
    return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(channels) *
           static_cast<std::size_t>(bits / 8);
}

Picture to_picture(Raster raster, int orientation) {
    const auto [height, width] = raster.size;
    Picture picture;
    picture.bits = raster.bits;
    picture.text = std::move(raster.text);
    picture.notes = std::move(raster.notes);
    Tensor color = at::empty({std::max(raster.colors, 3), height, width}, at::kFloat);
    Tensor planes = color.narrow(0, 0, raster.colors);
    for (int channel = 0; channel < raster.colors; ++channel) {
        to_plane(raster, channel, planes[channel].data_ptr<float>());
    }
    if (raster.has_alpha) {
        picture.alpha = at::empty({1, height, width}, at::kFloat);
        to_plane(raster, raster.colors, picture.alpha.data_ptr<float>());
    }
    raster.data.reset();
    if (raster.has_alpha && raster.premultiplied) {
        // Where nothing shows there is no colour to recover.
        planes.copy_(at::where(picture.alpha > 0, (planes / picture.alpha).clamp_max(1), 0.0));
    }
    if (raster.conversion != nullptr) {
        planes = convert_to_srgb_(planes, *raster.conversion);
    }
    if (raster.colors == 1) {
        color.slice(0, 1, 3).copy_(planes.expand({2, height, width}));
        planes = color;
    }
    picture.color = planes;
    picture.color = upright(picture.color, orientation);
    if (picture.alpha.defined()) {
        picture.alpha = upright(picture.alpha, orientation);
    }
    return picture;
}

Raster to_raster(const Picture& picture, int bits, bool keep_alpha) {
    const auto plain = [](const Tensor& image) { return image.detach().to(at::kCPU, at::kFloat).contiguous(); };
    Tensor color = plain(picture.color);
    const bool has_alpha = picture.alpha.defined() && keep_alpha;
    if (picture.alpha.defined() && !keep_alpha) {
        const Tensor alpha = plain(picture.alpha).clamp(0, 1);
        color = color.clamp(0, 1) * alpha + (1 - alpha);
    }
    Raster raster({color.size(1), color.size(2)}, bits, 3, has_alpha ? 4 : 3);
    raster.has_alpha = has_alpha;
    for (int channel = 0; channel < 3; ++channel) {
        from_plane(color[channel].data_ptr<float>(), raster, channel);
    }
    if (has_alpha) {
        from_plane(plain(picture.alpha).data_ptr<float>(), raster, 3);
    }
    return raster;
}

}  // namespace reverie::image
