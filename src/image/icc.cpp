#include "image/icc.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "image/byte_reader.h"

namespace reverie::image {
namespace {

constexpr std::size_t kTagTable = 128;
constexpr std::size_t kTagBytes = 12;

constexpr std::uint32_t tag_name(const char (&name)[5]) {
    return static_cast<std::uint32_t>(name[0]) << 24 | static_cast<std::uint32_t>(name[1]) << 16 |
           static_cast<std::uint32_t>(name[2]) << 8 | static_cast<std::uint32_t>(name[3]);
}

/// The bytes of one tag, empty when there is none.
Bytes find_tag(Bytes profile, std::uint32_t name) {
    const ByteReader reader(profile, false);
    const std::size_t count = std::min<std::size_t>(reader.u32(kTagTable).value_or(0), 256);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = kTagTable + 4 + i * kTagBytes;
        const std::size_t offset = reader.u32(entry + 4).value_or(0);
        const std::size_t size = reader.u32(entry + 8).value_or(0);
        if (reader.u32(entry) == name && offset <= profile.size() && size <= profile.size() - offset) {
            return profile.subspan(offset, size);
        }
    }
    return {};
}

/// The description: plain ASCII in version 2, the first of several translations in UTF-16 in version 4. Other than
/// printable ASCII becomes '?': the name only serves a sentence.
std::string description(Bytes profile) {
    const Bytes tag = find_tag(profile, tag_name("desc"));
    const ByteReader reader(tag, false);
    const bool translated = starts_with(tag, "mluc");
    const std::size_t step = translated ? 2 : 1;
    const std::size_t offset = translated ? reader.u32(24).value_or(0) : 12;
    const std::size_t length = std::min<std::size_t>(reader.u32(translated ? 20 : 8).value_or(0), 200);
    std::string text;
    for (std::size_t at = offset; at + step <= std::min(tag.size(), offset + length); at += step) {
        const std::uint32_t code = translated ? *reader.u16(at) : std::to_integer<std::uint32_t>(tag[at]);
        if (code == 0) {
            break;
        }
        text.push_back(code >= 0x20 && code < 0x7f ? static_cast<char>(code) : '?');
    }
    return text;
}

std::optional<double> fixed_point(Bytes tag, std::size_t offset) {
    const auto value = ByteReader(tag, false).u32(offset);
    return value ? std::optional(static_cast<std::int32_t>(*value) / 65536.0) : std::nullopt;
}

/// The linear light that a tone curve gives to the code value one half.
double light_at_half(Bytes tag) {
    const ByteReader reader(tag, false);
    if (starts_with(tag, "curv")) {
        const std::size_t count = reader.u32(8).value_or(0);
        if (count == 0) {
            return 0.5;
        }
        if (count == 1) {
            return std::pow(0.5, reader.u16(12).value_or(0) / 256.0);
        }
        const double below = reader.u16(12 + (count - 1) / 2 * 2).value_or(0);
        const double above = reader.u16(12 + count / 2 * 2).value_or(0);
        return (below + above) / 2 / 65535.0;
    }
    if (starts_with(tag, "para")) {
        const auto kind = reader.u16(8).value_or(0);
        const auto parameter = [&](std::size_t i) { return fixed_point(tag, 12 + 4 * i).value_or(0); };
        // (a x + b)^g + c with the parameters each kind has; one half lies above every kind's linear toe
        const double base = kind == 0 ? 0.5 : parameter(1) * 0.5 + parameter(2);
        const double offset = kind == 2 ? parameter(3) : kind == 4 ? parameter(5) : 0.0;
        return std::pow(std::max(base, 0.0), parameter(0)) + offset;
    }
    return 0.0;
}

bool has_srgb_tone(Bytes tag) {
    constexpr double kSrgbHalf = 0.214;  // a plain power of 2.2 gives 0.218
    return std::abs(light_at_half(tag) - kSrgbHalf) < 0.01;
}

bool has_srgb_colors(Bytes profile) {
    struct Primary {
        std::uint32_t tag;
        std::array<double, 3> xyz;  // adapted to D50, as profiles hold them
    };
    constexpr std::array<Primary, 3> kSrgb = {{{tag_name("rXYZ"), {0.4361, 0.2225, 0.0139}},
                                               {tag_name("gXYZ"), {0.3851, 0.7169, 0.0971}},
                                               {tag_name("bXYZ"), {0.1431, 0.0606, 0.7141}}}};
    for (const Primary& primary : kSrgb) {
        const Bytes tag = find_tag(profile, primary.tag);
        for (std::size_t i = 0; i < 3; ++i) {
            if (std::abs(fixed_point(tag, 8 + 4 * i).value_or(-1) - primary.xyz[i]) > 0.005) {
                return false;
            }
        }
    }
    return true;
}

}  // namespace

std::optional<std::string> foreign_profile(Bytes profile) {
    const std::string name = description(profile);
    if (name.find("sRGB") != std::string::npos) {
        return std::nullopt;
    }
    const bool grey = ByteReader(profile, false).u32(16) == tag_name("GRAY");
    const Bytes tone = find_tag(profile, grey ? tag_name("kTRC") : tag_name("gTRC"));
    if (has_srgb_tone(tone) && (grey || has_srgb_colors(profile))) {
        return std::nullopt;
    }
    return name.empty() ? "without a name" : name;
}

void note_profile(Bytes profile, const std::string& name, std::vector<std::string>& notes) {
    if (profile.empty()) {
        return;
    }
    if (const auto foreign = foreign_profile(profile)) {
        notes.push_back("'" + name + "' carries the colour profile '" + *foreign +
                        "', which is ignored; convert to sRGB first for exact colours");
    }
}

}  // namespace reverie::image
