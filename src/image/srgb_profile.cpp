#include "image/srgb_profile.h"

#include <algorithm>
#include <array>
#include <new>

#include "image/lcms.h"

namespace reverie::image {
namespace {

std::vector<std::byte> make() {
    const ColorProfile profile(cmsCreate_sRGBProfile());
    cmsUInt32Number length = 0;
    cmsSaveProfileToMem(profile.get(), nullptr, &length);
    std::vector<std::byte> bytes(length);
    if (length == 0 || cmsSaveProfileToMem(profile.get(), bytes.data(), &length) == 0) {
        throw std::bad_alloc();
    }
    // The library writes the time of day; ours is the day sRGB became a standard.
    constexpr std::size_t kDateAt = 24;
    constexpr std::array kDate = {0x07, 0xcf, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0};  // 1999-10-18
    std::transform(kDate.begin(), kDate.end(), bytes.begin() + kDateAt,
                   [](int value) { return static_cast<std::byte>(value); });
    return bytes;
}

}  // namespace

Bytes srgb_profile() {
    static const std::vector<std::byte> kProfile = make();
    return kProfile;
}

}  // namespace reverie::image
