#include "output/film_content.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "image/content.h"

namespace reverie::output {
namespace {

using namespace std::string_view_literals;
using Bytes = std::span<const std::byte>;

bool has(Bytes bytes, std::string_view magic, std::size_t offset = 0) {
    return bytes.size() >= offset + magic.size() &&
           std::string_view(reinterpret_cast<const char*>(bytes.data()) + offset, magic.size()) == magic;
}

std::uint8_t byte_at(Bytes bytes, std::size_t at) {
    return at < bytes.size() ? std::to_integer<std::uint8_t>(bytes[at]) : 0;
}

std::uint64_t number(Bytes bytes, std::size_t at, int count, bool little_endian) {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) {
        value = value << 8 | byte_at(bytes, at + static_cast<std::size_t>(little_endian ? count - 1 - i : i));
    }
    return value;
}

bool is_iso_media(Bytes bytes) {
    constexpr std::array kFirst = {"ftyp"sv, "moov"sv, "mdat"sv, "wide"sv, "free"sv, "skip"sv, "pnot"sv};
    return std::any_of(kFirst.begin(), kFirst.end(), [&](std::string_view box) { return has(bytes, box, 4); }) &&
           !image::picture_content(bytes.first(std::min<std::size_t>(bytes.size(), 512)));
}

bool is_gif(Bytes bytes) { return has(bytes, "GIF87a"sv) || has(bytes, "GIF89a"sv); }
bool is_matroska(Bytes bytes) { return has(bytes, "\x1a\x45\xdf\xa3"sv); }
bool is_riff(Bytes bytes, std::string_view kind) { return has(bytes, "RIFF"sv) && has(bytes, kind, 8); }

/// Packets of 188 bytes, which begin with a 'G'; in M2TS four bytes come before each.
bool is_transport_stream(Bytes bytes) {
    const auto packets = [&](std::size_t first, std::size_t step) {
        return bytes.size() > first + 3 * step && has(bytes, "G"sv, first) && has(bytes, "G"sv, first + step) &&
               has(bytes, "G"sv, first + 2 * step) && has(bytes, "G"sv, first + 3 * step);
    };
    return packets(0, 188) || packets(4, 192);
}

struct GifParts {
    int frames = 0;
    bool ends = false;  ///< its last byte is there
};

/// It stops counting at `enough` frames.
GifParts parts_of_gif(Bytes bytes, int enough) {
    const auto table = [&](std::size_t at) -> std::size_t {  // of colours, whose size is in a byte of flags
        const std::uint8_t flags = byte_at(bytes, at);
        return (flags & 0x80U) != 0 ? std::size_t{3} << ((flags & 7U) + 1) : 0;
    };
    std::size_t at = 13 + table(10);
    GifParts parts;
    while (at < bytes.size() && parts.frames < enough) {
        if (byte_at(bytes, at) == 0x21) {  // an extension
            at += 2;
        } else if (byte_at(bytes, at) == 0x2c) {  // a frame: its head, colours and code size
            ++parts.frames;
            at += 10 + table(at + 9) + 1;
        } else {
            parts.ends = byte_at(bytes, at) == 0x3b;
            break;
        }
        while (byte_at(bytes, at) != 0) {  // blocks that say their lengths
            at += std::size_t{1} + byte_at(bytes, at);
        }
        ++at;
    }
    return parts;
}

int frames_of_webp(Bytes bytes, int enough) {
    int frames = 0;
    for (std::size_t at = 12; at + 8 <= bytes.size() && frames < enough;) {
        frames += has(bytes, "ANMF"sv, at) ? 1 : 0;
        const std::uint64_t size = number(bytes, at + 4, 4, true);
        at += static_cast<std::size_t>(8 + size + size % 2);
    }
    return frames;
}

/// An element's size behind its name, and how many bytes say it; nothing when it is not known.
std::optional<std::uint64_t> element_size(Bytes bytes, std::size_t at, std::size_t& length) {
    const std::uint8_t first = byte_at(bytes, at);
    length = 1;
    while (length <= 8 && (first & (0x80U >> (length - 1))) == 0) {
        ++length;
    }
    if (length > 8) {
        return std::nullopt;
    }
    const std::uint64_t ones = (std::uint64_t{1} << (7 * length)) - 1;
    const std::uint64_t size = number(bytes, at, static_cast<int>(length), false) & ones;
    return size == ones ? std::nullopt : std::optional(size);
}

bool is_matroska_cut_off(Bytes bytes) {
    std::size_t length = 0;
    const std::optional<std::uint64_t> head = element_size(bytes, 4, length);
    if (!head || *head > bytes.size()) {
        return head.has_value();
    }
    const std::size_t segment = 4 + length + static_cast<std::size_t>(*head);
    if (!has(bytes, "\x18\x53\x80\x67"sv, segment)) {
        return false;
    }
    const std::optional<std::uint64_t> size = element_size(bytes, segment + 4, length);
    return size && *size > bytes.size() - std::min(bytes.size(), segment + 4 + length);
}

bool is_iso_media_cut_off(Bytes bytes) {
    for (std::size_t at = 0; at + 8 <= bytes.size();) {
        std::uint64_t size = number(bytes, at, 4, false);
        if (size == 1) {
            size = number(bytes, at + 8, 8, false);
        }
        if (size == 0) {  // up to the end, wherever that is
            return false;
        }
        if (size < 8) {
            return false;
        }
        if (size > bytes.size() - at) {
            return true;
        }
        at += static_cast<std::size_t>(size);
    }
    return false;
}

}  // namespace

FilmContent film_content(Bytes bytes) {
    constexpr int kSeveral = 2;
    if (is_gif(bytes)) {
        return parts_of_gif(bytes, kSeveral).frames == kSeveral ? FilmContent::Gif : FilmContent::None;
    }
    if (is_riff(bytes, "WEBP"sv)) {
        return frames_of_webp(bytes, kSeveral) == kSeveral ? FilmContent::WebP : FilmContent::None;
    }
    constexpr std::array kStarts = {"FLV\x01"sv,
                                    "OggS"sv,
                                    "DKIF"sv,
                                    "\x00\x00\x01\xba"sv,
                                    "\x30\x26\xb2\x75\x8e\x66\xcf\x11"sv,
                                    "nut/multimedia container"sv,
                                    "\x06\x0e\x2b\x34"sv,
                                    "YUV4MPEG2"sv};
    const bool other =
        std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view start) { return has(bytes, start); });
    return other || is_iso_media(bytes) || is_matroska(bytes) || is_riff(bytes, "AVI "sv) || is_transport_stream(bytes)
               ? FilmContent::Ffmpeg
               : FilmContent::None;
}

bool is_cut_off(Bytes bytes) {
    if (has(bytes, "RIFF"sv)) {
        return number(bytes, 4, 4, true) > bytes.size() - std::min<std::size_t>(bytes.size(), 8);
    }
    if (is_gif(bytes)) {
        return !parts_of_gif(bytes, std::numeric_limits<int>::max()).ends;
    }
    return is_matroska(bytes) ? is_matroska_cut_off(bytes) : is_iso_media(bytes) && is_iso_media_cut_off(bytes);
}

}  // namespace reverie::output
