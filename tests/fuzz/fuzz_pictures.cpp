#include <ATen/ATen.h>

#include <optional>
#include <string>

#include "fuzz/scratch.h"
#include "image/decode.h"
#include "reverie/image/picture.h"

namespace reverie::fuzz {
namespace {

constexpr ReadLimits kLimits = {.max_pixels = 1 << 18};  // what a picture costs is not what is looked for
const std::string kName = "picture";

bool is_in_range(const Tensor& values) {
    return values.numel() == 0 || (values.min().item<float>() >= 0.0F && values.max().item<float>() <= 1.0F);
}

void check_whole(const Picture& picture, const std::optional<Size>& announced) {
    const Size size = size_of(picture.color);
    require(announced.has_value() && *announced == size, "a picture is not of the size its header was read as");
    require(picture.color.dim() == 3 && picture.color.size(0) == 3 && picture.color.is_contiguous() &&
                picture.color.scalar_type() == at::kFloat,
            "a picture that is no contiguous float [3,H,W]");
    require(is_in_range(picture.color), "colours outside [0,1]");
    require(!picture.alpha.defined() || (size_of(picture.alpha) == size && is_in_range(picture.alpha)),
            "alpha of another size, or outside [0,1]");
    require(picture.bits == 8 || picture.bits == 16, "neither 8 nor 16 bits");
}

/// What was read can be written, with its text, and is read again.
void check_written(const Picture& picture) {
    constexpr std::int64_t kSmall = 1 << 12;
    if (picture.color.numel() > 3 * kSmall) {
        return;
    }
    for (const PictureFormat format : {PictureFormat::Png, PictureFormat::Jpeg}) {
        if (is_read({ErrorKind::Output}, [&] { encode_picture(picture, format); })) {
            const Picture again = decode_picture(encode_picture(picture, format), kName);
            require(size_of(again.color) == size_of(picture.color),
                    "written and read again, a picture has changed size");
        }
    }
}

}  // namespace

void pictures(Bytes bytes) {
    std::optional<Size> announced;
    const std::filesystem::path path = put(kName, bytes);
    is_read({ErrorKind::Input}, [&] { announced = read_picture_size(path, kLimits); });
    Picture picture;
    if (is_read({ErrorKind::Input}, [&] { picture = decode_picture(bytes, kName, kLimits); })) {
        check_whole(picture, announced);
        check_written(picture);
    }
    is_read({ErrorKind::Input}, [&] { image::decode_raster(bytes, kName, kLimits, Size{4, 4}); });
}

}  // namespace reverie::fuzz
