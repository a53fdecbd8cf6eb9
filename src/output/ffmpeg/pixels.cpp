#include "output/ffmpeg/pixels.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace reverie::output {
namespace {

// Exact rounding and full chroma, and no shortcut that would differ between processors.
constexpr int kFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
constexpr int kOne = 1 << 16;

AVPixelFormat wide_rgb(int channels) { return channels == 4 ? AV_PIX_FMT_RGBA64 : AV_PIX_FMT_RGB48; }

Owner<SwsContext> make_scaler(int width, int height, AVPixelFormat from, AVPixelFormat to, const FilmColor& color,
                              bool from_full, bool to_full) {
    Owner<SwsContext> scaler(sws_getContext(width, height, from, width, height, to, kFlags, nullptr, nullptr, nullptr));
    if (scaler == nullptr) {
        throw FilmFault(ErrorKind::Input, std::string("FFmpeg cannot convert the pixel format ") +
                                              av_get_pix_fmt_name(from) + " to " + av_get_pix_fmt_name(to) +
                                              "; choose another codec");
    }
    const int* matrix = sws_getCoefficients(color.matrix);
    sws_setColorspaceDetails(scaler.get(), matrix, from_full ? 1 : 0, matrix, to_full ? 1 : 0, 0, kOne, kOne);
    return scaler;
}

/// One sample of a plain RGB format.
struct Place {
    explicit Place(const AVComponentDescriptor& component, bool big_endian)
        : plane(component.plane),
          step(component.step),
          offset(component.offset),
          shift(component.shift),
          depth(component.depth),
          wide(component.depth + component.shift > 8),
          swapped(big_endian != (std::endian::native == std::endian::big)) {}
    std::uint32_t get(const std::uint8_t* at) const {
        std::uint16_t value = *at;
        if (wide) {
            std::memcpy(&value, at, 2);
            value = swapped ? static_cast<std::uint16_t>(value << 8 | value >> 8) : value;
        }
        return (std::uint32_t{value} >> shift) & most();
    }
    void put(std::uint8_t* at, std::uint32_t number) const {
        auto value = static_cast<std::uint16_t>(number << shift);
        if (!wide) {
            *at = static_cast<std::uint8_t>(value);
            return;
        }
        value = swapped ? static_cast<std::uint16_t>(value << 8 | value >> 8) : value;
        std::memcpy(at, &value, 2);
    }
    std::uint32_t most() const { return (1U << depth) - 1; }

    int plane, step, offset, shift, depth;
    bool wide, swapped;
};

constexpr std::uint32_t kWhite = 0xffff;

void read_rgb(const AVFrame& frame, const AVPixFmtDescriptor& format, int channels, std::uint16_t* samples) {
    const std::int64_t width = frame.width;
    for (int channel = 0; channel < channels; ++channel) {
        if (channel >= format.nb_components) {
            for (std::int64_t i = 0; i < width * frame.height; ++i) {
                samples[i * channels + channel] = kWhite;
            }
            continue;
        }
        const Place place(format.comp[channel], (format.flags & AV_PIX_FMT_FLAG_BE) != 0);
        for (std::int64_t y = 0; y < frame.height; ++y) {
            const std::uint8_t* at = frame.data[place.plane] + y * frame.linesize[place.plane] + place.offset;
            std::uint16_t* out = samples + y * width * channels + channel;
            for (std::int64_t x = 0; x < width; ++x, at += place.step, out += channels) {
                *out = static_cast<std::uint16_t>((place.get(at) * kWhite + place.most() / 2) / place.most());
            }
        }
    }
}

void write_rgb(const AVFrame& rgb, int channels, AVFrame& target, const AVPixFmtDescriptor& format) {
    for (int channel = 0; channel < format.nb_components; ++channel) {
        const Place place(format.comp[channel], (format.flags & AV_PIX_FMT_FLAG_BE) != 0);
        for (std::int64_t y = 0; y < target.height; ++y) {
            std::uint8_t* at = target.data[place.plane] + y * target.linesize[place.plane] + place.offset;
            const auto* in = reinterpret_cast<const std::uint16_t*>(rgb.data[0] + y * rgb.linesize[0]) + channel;
            for (std::int64_t x = 0; x < target.width; ++x, at += place.step, in += channels) {
                const std::uint32_t value = channel < channels ? *in : kWhite;
                place.put(at, (value * place.most() + kWhite / 2) / kWhite);
            }
        }
    }
}

}  // namespace

bool is_plain_rgb(AVPixelFormat format) {
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    constexpr std::uint64_t kOther = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                     AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    return description != nullptr && (description->flags & AV_PIX_FMT_FLAG_RGB) != 0 &&
           (description->flags & kOther) == 0 && description->nb_components >= 3;
}

void PixelReader::read(const AVFrame& frame, const FilmColor& color, int channels, std::uint16_t* samples) {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    const AVPixFmtDescriptor& description = *made(av_pix_fmt_desc_get(format));
    if (is_plain_rgb(format)) {
        read_rgb(frame, description, channels, samples);
        return;
    }
    const std::array<int, 6> wanted = {frame.width, frame.height, frame.format, color.matrix, color.full_range ? 1 : 0,
                                       channels};
    if (scaler_ == nullptr || wanted != made_for_) {
        rgb_ = make_frame(wide_rgb(channels), frame.width, frame.height);
        scaler_ = make_scaler(frame.width, frame.height, format, wide_rgb(channels), color, color.full_range, true);
        made_for_ = wanted;
    }
    sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, rgb_->data, rgb_->linesize);
    const auto row = static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(channels);
    for (int y = 0; y < frame.height; ++y) {
        std::memcpy(samples + row * static_cast<std::size_t>(y),
                    rgb_->data[0] + static_cast<std::ptrdiff_t>(y) * rgb_->linesize[0], row * sizeof(std::uint16_t));
    }
}

PixelWriter::PixelWriter(int width, int height, int channels, const AVFrame& target, const FilmColor& color)
    : width_(width),
      height_(height),
      channels_(channels),
      rgb_(make_frame(wide_rgb(channels), target.width, target.height)) {
    const auto format = static_cast<AVPixelFormat>(target.format);
    if (!is_plain_rgb(format)) {
        scaler_ = make_scaler(target.width, target.height, wide_rgb(channels), format, color, true, color.full_range);
    }
}

void PixelWriter::write(const std::uint16_t* samples, AVFrame& target) {
    const auto pixel = static_cast<std::size_t>(channels_);
    const std::size_t row = static_cast<std::size_t>(width_) * pixel;
    for (int y = 0; y < target.height; ++y) {
        const std::uint16_t* in = samples + row * static_cast<std::size_t>(std::min(y, height_ - 1));
        auto* out =
            reinterpret_cast<std::uint16_t*>(rgb_->data[0] + static_cast<std::ptrdiff_t>(y) * rgb_->linesize[0]);
        std::copy_n(in, row, out);
        for (int x = width_; x < target.width; ++x) {
            std::copy_n(in + row - pixel, pixel, out + static_cast<std::size_t>(x) * pixel);
        }
    }
    if (scaler_ == nullptr) {
        write_rgb(*rgb_, channels_, target, *made(av_pix_fmt_desc_get(static_cast<AVPixelFormat>(target.format))));
    } else {
        sws_scale(scaler_.get(), rgb_->data, rgb_->linesize, 0, target.height, target.data, target.linesize);
    }
}

}  // namespace reverie::output
