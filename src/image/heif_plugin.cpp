// HEIC and AVIF through libheif.
#include "image/heif_plugin.h"

#include <libheif/heif.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace reverie::image {
namespace {

[[noreturn]] void fail(const heif_error& error) {
    using Kind = HeifFault::Kind;
    Kind kind = Kind::Damaged;
    if (error.code == heif_error_Memory_allocation_error && error.subcode != heif_suberror_Security_limit_exceeded) {
        kind = Kind::NoMemory;
    } else if (error.subcode == heif_suberror_End_of_data || error.subcode == heif_suberror_No_item_data) {
        kind = Kind::Truncated;
    } else if (error.subcode == heif_suberror_No_meta_box ||  // a film without a cover
               error.code == heif_error_Unsupported_filetype || error.code == heif_error_Unsupported_feature) {
        kind = Kind::Unsupported;
    }
    const std::string message = error.message != nullptr ? error.message : "no reason given";
    throw HeifFault(kind, std::string("libheif ") + heif_get_version() + ": " + message);
}

void check(const heif_error& error) {
    if (error.code != heif_error_Ok) {
        fail(error);
    }
}

struct Free {
    void operator()(heif_context* context) const noexcept { heif_context_free(context); }
    void operator()(heif_image_handle* handle) const noexcept { heif_image_handle_release(handle); }
    void operator()(heif_image* image) const noexcept { heif_image_release(image); }
    void operator()(heif_color_profile_nclx* nclx) const noexcept { heif_nclx_color_profile_free(nclx); }
};
template <typename T>
using Owner = std::unique_ptr<T, Free>;

class Reader : public HeifReader {
  public:
    Reader(const std::byte* bytes, std::size_t size) : context_(heif_context_alloc()) {
        if (context_ == nullptr) {
            throw HeifFault(HeifFault::Kind::NoMemory, "no memory");
        }
        heif_context_set_max_decoding_threads(context_.get(), 0);  // in the caller's thread: files go side by side
        check(heif_context_read_from_memory_without_copy(context_.get(), bytes, size, nullptr));
        heif_image_handle* handle = nullptr;
        check(heif_context_get_primary_image_handle(context_.get(), &handle));
        handle_.reset(handle);
        describe();
    }

    const HeifInfo& info() const override { return info_; }

    void decode(std::byte* target) override {
        const bool deep = info_.bits > 8;
        const bool little = std::endian::native == std::endian::little;
        const heif_chroma deep_chroma =
            info_.has_alpha ? (little ? heif_chroma_interleaved_RRGGBBAA_LE : heif_chroma_interleaved_RRGGBBAA_BE)
                            : (little ? heif_chroma_interleaved_RRGGBB_LE : heif_chroma_interleaved_RRGGBB_BE);
        const heif_chroma chroma = deep              ? deep_chroma
                                   : info_.has_alpha ? heif_chroma_interleaved_RGBA
                                                     : heif_chroma_interleaved_RGB;
        limit_canvas();
        heif_image* decoded = nullptr;
        check(heif_decode_image(handle_.get(), &decoded, heif_colorspace_RGB, chroma, nullptr));
        const Owner<heif_image> image(decoded);
        int stride = 0;
        const std::uint8_t* plane = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
        if (plane == nullptr || heif_image_get_width(decoded, heif_channel_interleaved) != info_.width ||
            heif_image_get_height(decoded, heif_channel_interleaved) != info_.height) {
            throw HeifFault(HeifFault::Kind::Damaged, "its headers contradict each other");
        }
        const std::size_t samples = static_cast<std::size_t>(info_.width) * (info_.has_alpha ? 4 : 3);
        const int bits = heif_image_get_bits_per_pixel_range(decoded, heif_channel_interleaved);
        for (std::int64_t y = 0; y < info_.height; ++y, plane += stride) {
            if (deep) {
                widen(plane, samples, bits, target);
            } else {
                std::memcpy(target, plane, samples);
            }
            target += samples * (deep ? 2 : 1);
        }
        if (info_.primaries == HeifInfo::kNotStated &&
            info_.transfer == HeifInfo::kNotStated) {  // perhaps the pixels' own stream says it
            heif_color_profile_nclx* nclx = nullptr;
            const heif_error error = heif_image_get_nclx_color_profile(decoded, &nclx);
            read_nclx(error, nclx);
        }
    }

  private:
    /// A grid says the size of its canvas a second time, and libheif takes memory for what it says there. Parts may
    /// stand out over the picture, by less than one of them is large.
    void limit_canvas() const {
        constexpr int kPart = 1024;
        const int side =
            std::max(heif_image_handle_get_ispe_width(handle_.get()), heif_image_handle_get_ispe_height(handle_.get()));
        heif_context_set_maximum_image_size_limit(context_.get(),
                                                  std::min(side, std::numeric_limits<int>::max() - kPart) + kPart);
    }

    void describe() {
        const heif_image_handle* handle = handle_.get();
        info_.width = heif_image_handle_get_width(handle);
        info_.height = heif_image_handle_get_height(handle);
        info_.bits = heif_image_handle_get_luma_bits_per_pixel(handle);
        info_.has_alpha = heif_image_handle_has_alpha_channel(handle) != 0;
        info_.premultiplied = heif_image_handle_is_premultiplied_alpha(handle) != 0;
        info_.pictures = heif_context_get_number_of_top_level_images(context_.get());
        const std::size_t length = heif_image_handle_get_raw_color_profile_size(handle);
        info_.icc.resize(length);
        if (length > 0) {
            check(heif_image_handle_get_raw_color_profile(handle, info_.icc.data()));
        }
        heif_color_profile_nclx* nclx = nullptr;
        const heif_error error = heif_image_handle_get_nclx_color_profile(handle, &nclx);
        read_nclx(error, nclx);
    }

    void read_nclx(const heif_error& error, heif_color_profile_nclx* nclx) {
        const Owner<heif_color_profile_nclx> owner(nclx);
        if (error.code == heif_error_Ok && nclx != nullptr) {
            info_.primaries = nclx->color_primaries;
            info_.transfer = nclx->transfer_characteristics;
        }
    }

    /// To the whole range of 16 bits.
    static void widen(const std::uint8_t* source, std::size_t samples, int bits, std::byte* target) {
        const std::uint32_t full = (1U << bits) - 1;
        for (std::size_t i = 0; i < samples; ++i) {
            std::uint16_t sample = 0;
            std::memcpy(&sample, source + 2 * i, 2);
            const auto wide =
                static_cast<std::uint16_t>((std::min<std::uint32_t>(sample, full) * 65535U + full / 2) / full);
            std::memcpy(target + 2 * i, &wide, 2);
        }
    }

    Owner<heif_context> context_;
    Owner<heif_image_handle> handle_;
    HeifInfo info_;
};

}  // namespace
}  // namespace reverie::image

extern "C" std::unique_ptr<reverie::image::HeifReader> reverie_open_heif(const std::byte* bytes, std::size_t size) {
    return std::make_unique<reverie::image::Reader>(bytes, size);
}
