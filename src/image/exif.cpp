#include "image/exif.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "image/byte_reader.h"

namespace reverie::image {
namespace {

constexpr std::uint32_t kDescriptionTag = 0x010e;
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kAscii = 2;
constexpr std::uint32_t kShort = 3;
constexpr std::uint32_t kLong = 4;
constexpr std::size_t kEntryBytes = 12;

std::optional<int> valid_orientation(std::uint32_t value) {
    return value >= 1 && value <= 8 ? std::optional(static_cast<int>(value)) : std::nullopt;
}

}  // namespace

Exif parse_exif(Bytes block) {
    constexpr std::string_view kPrefix("Exif\0\0", 6);
    if (starts_with(block, kPrefix)) {
        block = block.subspan(kPrefix.size());
    }
    Exif exif;
    const bool little = starts_with(block, std::string_view("II*\0", 4));
    if (!little && !starts_with(block, std::string_view("MM\0*", 4))) {
        return exif;
    }
    const ByteReader reader(block, little);
    const std::size_t directory = reader.u32(4).value_or(0);
    const std::size_t count = reader.u16(directory).value_or(0);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t entry = directory + 2 + i * kEntryBytes;
        const auto type = reader.u16(entry + 2);
        const std::size_t length = reader.u32(entry + 4).value_or(0);
        const auto value_or_offset = reader.u32(entry + 8);
        if (!value_or_offset) {
            break;  // the directory is cut here
        }
        if (reader.u16(entry) == kOrientationTag && (type == kShort || type == kLong) && length == 1) {
            exif.orientation = valid_orientation(type == kShort ? *reader.u16(entry + 8) : *value_or_offset);
        } else if (reader.u16(entry) == kDescriptionTag && type == kAscii) {
            const std::size_t offset = length <= 4 ? entry + 8 : *value_or_offset;
            if (offset <= block.size() && length <= block.size() - offset) {
                const auto* text = reinterpret_cast<const char*>(block.data() + offset);
                exif.description.assign(text, strnlen(text, length));
            }
        }
    }
    return exif;
}

std::optional<int> xmp_orientation(Bytes packet) {
    const std::string_view text(reinterpret_cast<const char*>(packet.data()), packet.size());
    constexpr std::string_view kName = "tiff:Orientation";  // the prefix that every writer gives this namespace
    constexpr std::string_view kBlanks = " \t\r\n";
    for (std::size_t at = text.find(kName); at != std::string_view::npos; at = text.find(kName, at + 1)) {
        // An attribute (="6") or an element (>6<).
        std::size_t value = text.find_first_not_of(kBlanks, at + kName.size());
        if (value == std::string_view::npos || (text[value] != '=' && text[value] != '>')) {
            continue;
        }
        value = text.find_first_not_of(" \t\r\n\"'", value + 1);
        if (value != std::string_view::npos && text[value] >= '0' && text[value] <= '9') {
            const bool single = value + 1 == text.size() || text[value + 1] < '0' || text[value + 1] > '9';
            return single ? valid_orientation(static_cast<std::uint32_t>(text[value] - '0')) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::vector<std::byte> make_exif(const std::string& description) {
    // Header, a directory of one entry, the end of directories, then the text with its final zero (and at least 5
    // bytes, so that it never has to live inside the entry).
    const std::uint32_t text_at = 8 + 2 + kEntryBytes + 4;
    const auto length = static_cast<std::uint32_t>(std::max<std::size_t>(description.size() + 1, 5));
    std::string block("II*\0", 4);
    const auto put = [&block](std::uint32_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) {
            block.push_back(static_cast<char>(value >> (8 * i) & 0xff));
        }
    };
    put(8, 4);
    put(1, 2);
    put(kDescriptionTag, 2);
    put(kAscii, 2);
    put(length, 4);
    put(text_at, 4);
    put(0, 4);
    block += description;
    block.resize(text_at + length, '\0');
    const auto bytes = std::as_bytes(std::span(block));
    return {bytes.begin(), bytes.end()};
}

}  // namespace reverie::image
