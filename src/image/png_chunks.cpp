#include "image/png_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "image/codecs.h"
#include "image/exif.h"

namespace reverie::image {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kMostTextBytes = 4 << 20;  // metadata beyond it is taken as cut there

/// zlib's decompressor, fed from a run of bytes.
class Inflater {
  public:
    /// `window_bits`: 15 for zlib's frame, -15 for none.
    explicit Inflater(int window_bits) {
        if (inflateInit2(&stream_, window_bits) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    /// Hands out piece by piece while `take` returns true; the bytes of `packed` that were used, or nothing when it is
    /// damaged. Whether the end came: `ended`.
    template <typename Take>
    std::optional<std::size_t> run(Bytes packed, Take&& take) {
        std::size_t fed = 0;
        std::array<unsigned char, 1 << 15> piece;
        for (;;) {
            if (stream_.avail_in == 0) {
                const std::size_t more = std::min<std::size_t>(packed.size() - fed, 1 << 30);
                // zlib only reads them, but its type does not say so.
                stream_.next_in = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(packed.data() + fed));
                stream_.avail_in = static_cast<unsigned>(more);
                fed += more;
            }
            stream_.next_out = piece.data();
            stream_.avail_out = piece.size();
            const int status = inflate(&stream_, Z_NO_FLUSH);
            const std::size_t made = piece.size() - stream_.avail_out;
            if (made > 0 && !take(std::span(piece).first(made))) {
                return fed - stream_.avail_in;
            }
            ended = status == Z_STREAM_END;
            if (ended || (made == 0 && fed == packed.size() && stream_.avail_in == 0)) {
                return fed - stream_.avail_in;
            }
            if (status != Z_OK) {
                return std::nullopt;
            }
        }
    }

    bool ended = false;

  private:
    z_stream stream_ = {};
};

std::string unpacked(Bytes packed) {
    std::string text;
    Inflater(15).run(packed, [&](std::span<const unsigned char> piece) {
        text.append(piece.begin(), piece.end());
        return text.size() < kMostTextBytes;
    });
    return text;
}

struct TextChunk {
    std::string_view key;
    std::string text;
};

/// Of tEXt, zTXt and iTXt; an empty text when the chunk makes no sense.
TextChunk read_text(std::string_view type, Bytes content) {
    const std::string_view all(reinterpret_cast<const char*>(content.data()), content.size());
    const std::size_t end = all.find('\0');
    if (end == std::string_view::npos) {
        return {};
    }
    const std::string_view key = all.substr(0, end);
    if (type == "tEXt") {
        return {key, std::string(all.substr(end + 1))};
    }
    if (type == "zTXt") {
        return {key, end + 2 < all.size() ? unpacked(content.subspan(end + 2)) : ""};
    }
    // iTXt: whether packed, how, language, translated key, text
    const std::size_t language = all.find('\0', std::min(end + 3, all.size()));
    const std::size_t translated = language == std::string_view::npos ? language : all.find('\0', language + 1);
    if (translated == std::string_view::npos) {
        return {key, ""};
    }
    return {key,
            all[end + 1] == '\1' ? unpacked(content.subspan(translated + 1)) : std::string(all.substr(translated + 1))};
}

/// ImageMagick's "Raw profile type ...": a name, a length and hexadecimal digits in lines.
std::vector<std::byte> raw_profile(std::string_view text) {
    std::vector<std::byte> bytes;
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (int line = 0; line < 2; ++line) {  // the name, behind an empty line, and the length
        text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
        text.remove_prefix(std::min(text.find('\n'), text.size()));
    }
    int high = -1;
    for (const char c : text) {
        const std::size_t digit = kDigits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
        if (digit == std::string_view::npos) {
            continue;
        }
        if (high >= 0) {
            bytes.push_back(static_cast<std::byte>(static_cast<std::size_t>(high) << 4 | digit));
        }
        high = high >= 0 ? -1 : static_cast<int>(digit);
    }
    return bytes;
}

void put_chunk(std::vector<std::byte>& png, std::string_view type, Bytes content) {
    const auto put = [&png](std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            png.push_back(static_cast<std::byte>(value >> shift));
        }
    };
    put(static_cast<std::uint32_t>(content.size()));
    const std::size_t start = png.size();
    const auto name = std::as_bytes(std::span(type));
    png.insert(png.end(), name.begin(), name.end());
    png.insert(png.end(), content.begin(), content.end());
    put(static_cast<std::uint32_t>(
        crc32_z(0, reinterpret_cast<const unsigned char*>(png.data() + start), png.size() - start)));
}

bool has_zlib_frame(Bytes packed) {
    const auto head = ByteReader(packed, false).u16(0).value_or(1);
    if ((head >> 8 & 0xf) != Z_DEFLATED || head % 31 != 0) {
        return false;
    }
    Inflater inflater(15);
    return inflater.run(packed, [](auto) { return true; }) && inflater.ended;
}

/// Raw deflate data with zlib's head and checksum around it.
std::vector<std::byte> in_zlib_frame(Bytes packed, const std::string& name) {
    uLong sum = adler32(0, nullptr, 0);
    Inflater inflater(-15);
    const auto used = inflater.run(packed, [&](std::span<const unsigned char> piece) {
        sum = adler32_z(sum, piece.data(), piece.size());
        return true;
    });
    if (!used) {
        throw_damaged(name, "its packed pixels cannot be unpacked");
    }
    if (!inflater.ended) {
        throw_truncated(name);
    }
    std::vector<std::byte> framed = {std::byte{0x78}, std::byte{0x01}};
    framed.insert(framed.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(*used));
    for (int shift = 24; shift >= 0; shift -= 8) {
        framed.push_back(static_cast<std::byte>(sum >> shift));
    }
    return framed;
}

}  // namespace

Bytes believable_part(Bytes png) {
    const ByteReader reader(png, false);
    std::size_t at = kPngSignatureBytes;
    while (const auto length = reader.u32(at)) {
        const std::size_t rest = png.size() - at;
        if (rest < 8 || rest - 8 < *length) {
            return starts_with(png.subspan(at + 4), "IDAT") ? png : png.first(at);
        }
        at += std::size_t{12} + *length;
    }
    return png;
}

std::optional<Bytes> find_chunk(Bytes png, std::string_view type) {
    std::optional<Bytes> found;
    walk_chunks(png, [&](std::string_view here, Bytes content, Bytes) {
        if (here == type) {
            found = content;
        }
        return !found;
    });
    return found;
}

int png_orientation(Bytes png) {
    std::optional<int> exif;
    std::optional<int> raw_exif;
    std::optional<int> xmp;
    walk_chunks(png, [&](std::string_view type, Bytes content, Bytes) {
        if (type == "eXIf") {
            exif = parse_exif(content).orientation;
        } else if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
            const bool profile = starts_with(content, "Raw profile type ");
            if (profile && !raw_exif) {
                const auto [key, text] = read_text(type, content);
                const std::vector<std::byte> block = raw_profile(text);
                raw_exif = key.ends_with("xmp") ? std::nullopt : parse_exif(block).orientation;
                if (!raw_exif && !xmp) {  // "xmp", and "APP1", which is whatever a JPEG had there
                    xmp = xmp_orientation(block);
                }
            } else if (!xmp && starts_with(content, "XML:com.adobe.xmp\0"sv)) {
                const std::string packet = read_text(type, content).text;
                xmp = xmp_orientation(std::as_bytes(std::span(packet)));
            }
        }
        return !exif;
    });
    return exif.value_or(raw_exif.value_or(xmp.value_or(1)));
}

bool is_cgbi(Bytes png) { return png.size() >= 16 && starts_with(png.subspan(12), "CgBI"); }

PlainPng from_cgbi(Bytes png, const std::string& name) {
    PlainPng result = {.bytes = {png.begin(), png.begin() + kPngSignatureBytes}};
    std::vector<std::byte>& plain = result.bytes;
    std::vector<std::byte> packed;
    bool ended = false;
    const auto put_pixels = [&] {
        constexpr std::size_t kLongestChunk = 0x7fffffff;
        result.apple_samples = !has_zlib_frame(packed);
        const std::vector<std::byte> framed = result.apple_samples ? in_zlib_frame(packed, name) : std::move(packed);
        packed.clear();
        for (std::size_t at = 0; at < framed.size(); at += kLongestChunk) {
            put_chunk(plain, "IDAT", Bytes(framed).subspan(at).first(std::min(kLongestChunk, framed.size() - at)));
        }
    };
    walk_chunks(png, [&](std::string_view type, Bytes content, Bytes whole) {
        if (type == "IDAT") {
            packed.insert(packed.end(), content.begin(), content.end());
            return true;
        }
        if (!packed.empty()) {
            put_pixels();
        }
        if (type != "CgBI") {
            plain.insert(plain.end(), whole.begin(), whole.end());
        }
        ended = type == "IEND";
        return !ended;
    });
    if (!ended) {
        throw_truncated(name);
    }
    return result;
}

}  // namespace reverie::image
