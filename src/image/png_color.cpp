#include "image/png_color.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "image/byte_reader.h"
#include "image/color_codes.h"
#include "image/color_profile.h"
#include "image/png_chunks.h"

namespace reverie::image {
namespace {

/// Of each type the first before the pixels, empty when its sum is wrong.
struct ColorChunks {
    std::optional<Bytes> codes, profile, srgb, gamma, colors;
};

ColorChunks find_color_chunks(Bytes file) {
    ColorChunks chunks;
    const std::array<std::pair<std::string_view, std::optional<Bytes>*>, 5> wanted = {{{"cICP", &chunks.codes},
                                                                                       {"iCCP", &chunks.profile},
                                                                                       {"sRGB", &chunks.srgb},
                                                                                       {"gAMA", &chunks.gamma},
                                                                                       {"cHRM", &chunks.colors}}};
    walk_chunks(file, [&](std::string_view type, Bytes content, Bytes whole) {
        for (const auto& [name, chunk] : wanted) {
            if (type == name && !*chunk) {
                const auto sum = ByteReader(whole, false).u32(8 + content.size());
                const Bytes named = whole.subspan(4, 4 + content.size());
                const bool right = sum == crc32_z(0, reinterpret_cast<const Bytef*>(named.data()), named.size());
                *chunk = right ? content : Bytes();
            }
        }
        return type != "IDAT";
    });
    return chunks;
}

/// Behind its name and the number of its method; empty when it is damaged.
std::vector<std::byte> inflate_profile(Bytes chunk) {
    constexpr std::size_t kLongestName = 79;
    constexpr std::size_t kMostBytes = 16 << 20;  // what a JPEG can hold; a few bytes could claim gigabytes
    const auto end =
        std::find(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(std::min(chunk.size(), kLongestName + 1)),
                  std::byte{0});
    const auto name_bytes = static_cast<std::size_t>(end - chunk.begin());
    if (name_bytes + 2 > chunk.size() || chunk[name_bytes] != std::byte{0}) {
        return {};
    }
    const Bytes packed = chunk.subspan(name_bytes + 2);
    z_stream stream = {};
    if (inflateInit(&stream) != Z_OK) {
        return {};
    }
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));  // it only reads
    stream.avail_in = static_cast<uInt>(packed.size());
    std::vector<std::byte> profile;
    int state = Z_OK;
    while (state == Z_OK && profile.size() < kMostBytes) {
        const std::size_t done = profile.size();
        profile.resize(std::max<std::size_t>(4096, 2 * done));
        stream.next_out = reinterpret_cast<Bytef*>(profile.data() + done);
        stream.avail_out = static_cast<uInt>(profile.size() - done);
        state = inflate(&stream, Z_NO_FLUSH);
        profile.resize(profile.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    return state == Z_STREAM_END ? profile : std::vector<std::byte>();
}

std::optional<ColorCodes> read_codes(Bytes chunk, int bits) {
    if (chunk.size() != 4 || chunk[2] != std::byte{0}) {  // the third is a matrix, which RGB has none of
        return std::nullopt;
    }
    ColorCodes codes = {.primaries = std::to_integer<int>(chunk[0]), .transfer = std::to_integer<int>(chunk[1])};
    if (chunk[3] == std::byte{0}) {
        const double unit = bits == 16 ? 256 / 65535.0 : 1 / 255.0;
        codes.black = 16 * unit;
        codes.white = 235 * unit;
    }
    return codes;
}

std::optional<Chromaticities> read_colors(Bytes chunk) {
    const ByteReader reader(chunk, false);
    if (chunk.size() != 32) {
        return std::nullopt;
    }
    const auto point = [&](std::size_t i) {
        const auto number = [&](std::size_t at) { return static_cast<std::int32_t>(*reader.u32(at)) / 100'000.0; };
        return std::array{number(8 * i), number(8 * i + 4)};
    };
    return Chromaticities{.red = point(1), .green = point(2), .blue = point(3), .white = point(0)};
}

bool is_srgb(const Chromaticities& colors) {
    constexpr double kNear = 0.002;
    const auto near = [](const std::array<double, 2>& a, const std::array<double, 2>& b) {
        return std::abs(a[0] - b[0]) < kNear && std::abs(a[1] - b[1]) < kNear;
    };
    return near(colors.red, kSrgbColors.red) && near(colors.green, kSrgbColors.green) &&
           near(colors.blue, kSrgbColors.blue) && near(colors.white, kSrgbColors.white);
}

/// The exponent from samples to light, the chunk holds its inverse; 0 for an impossible one.
double read_exponent(Bytes chunk) {
    const double inverse = ByteReader(chunk, false).u32(0).value_or(0) / 100'000.0;
    return chunk.size() == 4 && inverse > 0.1 && inverse < 10 ? 1 / inverse : 0.0;
}

Conversion gamma_conversion(const ColorChunks& chunks, int colors, const std::string& name,
                            std::vector<std::string>& notes) {
    const double exponent = chunks.gamma ? read_exponent(*chunks.gamma) : 0.0;
    auto chromaticities = chunks.colors ? read_colors(*chunks.colors) : std::nullopt;
    const auto matrix = light_matrix(chromaticities.value_or(kSrgbColors));
    if ((chunks.gamma && exponent == 0.0) || (chunks.colors && !(chromaticities && matrix))) {
        notes.push_back("'" + name + "' gives an impossible gamma or impossible colours; it is read as sRGB");
        return nullptr;
    }
    const bool plain = !chromaticities || is_srgb(*chromaticities) || colors == 1;
    // 1/2.2 is what programs write when they mean sRGB.
    if (plain && (exponent == 0.0 || std::abs(exponent - 2.2) < 0.01)) {
        return nullptr;
    }
    const LightCurve curve =
        exponent > 0.0 ? LightCurve([exponent](double x) { return std::pow(x, exponent); }) : srgb_to_light;
    const Conversion conversion =
        rgb_conversion({.curves = {curve, curve, curve}, .to_xyz = plain ? *light_matrix(kSrgbColors) : *matrix});
    if (conversion == nullptr) {
        notes.push_back("'" + name + "' gives impossible colours; it is read as sRGB");
        return nullptr;
    }
    return fit_conversion(conversion, colors);
}

}  // namespace

Conversion png_conversion(Bytes file, int colors, int bits, const std::string& name, std::vector<std::string>& notes) {
    const ColorChunks chunks = find_color_chunks(file);
    if (chunks.codes) {
        const auto codes = read_codes(*chunks.codes, bits);
        if (codes && is_known(*codes)) {
            return codes_conversion(*codes, colors, name, notes);
        }
        notes.push_back("'" + name + "' holds a cICP chunk " +
                        (codes ? "with the codes " + std::to_string(codes->primaries) + " and " +
                                     std::to_string(codes->transfer) + ", which are not known here"
                               : "that is damaged") +
                        "; it is ignored");
    }
    if (chunks.profile) {
        const std::vector<std::byte> profile = inflate_profile(*chunks.profile);
        if (!profile.empty()) {
            return profile_conversion(profile, colors, name, notes);
        }
        notes.push_back("'" + name + "' carries a damaged colour profile; it is ignored");
    }
    if (chunks.srgb || !(chunks.gamma || chunks.colors)) {
        return nullptr;
    }
    return gamma_conversion(chunks, colors, name, notes);
}

}  // namespace reverie::image
