// BMP, read and written here: the format is small, and what damage it can have is known exactly.
#include <algorithm>
#include <array>
#include <bit>

#include "image/byte_reader.h"
#include "image/codecs.h"
#include "image/color_profile.h"

namespace reverie::image {
namespace {

constexpr std::size_t kFileHeaderBytes = 14;
constexpr std::size_t kInfoHeaderBytes = 40;

enum class Packing : std::uint32_t { None = 0, RunLength8 = 1, RunLength4 = 2, Masks = 3, MasksWithAlpha = 6 };

struct Mask {
    std::uint32_t bits = 0;

    /// The masked bits, stretched to 0..255.
    std::byte sample(std::uint32_t word) const {
        if (bits == 0) {
            return std::byte{0};
        }
        const int shift = std::countr_zero(bits);
        const std::uint64_t full = bits >> shift;
        return static_cast<std::byte>((std::uint64_t{(word & bits) >> shift} * 255 + full / 2) / full);
    }
};

struct Layout {
    Size size;
    bool top_down = false;
    std::uint32_t depth = 0;
    Packing packing = Packing::None;
    std::size_t pixels_at = 0;
    std::vector<std::array<std::byte, 3>> palette;  // RGB
    std::array<Mask, 4> masks;                      // red, green, blue, alpha
};

/// Everything before the pixels. Headers are cut when one of their numbers is missing.
class HeaderReader {
  public:
    HeaderReader(Bytes bytes, const std::string& name) : bytes_(bytes), reader_(bytes, true), name_(name) {}

    Layout read() {
        const std::size_t header_bytes = u32(kFileHeaderBytes);
        Layout layout;
        layout.pixels_at = u32(10);
        const bool old = header_bytes == 12;
        if (!old && header_bytes < kInfoHeaderBytes) {
            throw_damaged(name_, "its header has an impossible size");
        }
        const auto stored_height = static_cast<std::int32_t>(old ? u16(20) : u32(22));
        layout.size = {std::abs(std::int64_t{stored_height}), old ? u16(18) : static_cast<std::int32_t>(u32(18))};
        layout.top_down = stored_height < 0;
        layout.depth = u16(old ? 24 : 28);
        layout.packing = old ? Packing::None : static_cast<Packing>(u32(30));
        check_kind(layout);
        read_masks(layout, header_bytes);
        if (layout.depth <= 8) {
            read_palette(layout, header_bytes, old);
        }
        return layout;
    }

  private:
    std::uint32_t u16(std::size_t offset) const { return present(reader_.u16(offset)); }
    std::uint32_t u32(std::size_t offset) const { return present(reader_.u32(offset)); }
    std::uint32_t present(std::optional<std::uint32_t> value) const {
        if (!value) {
            throw_truncated(name_);
        }
        return *value;
    }

    void check_kind(const Layout& layout) const {
        const std::uint32_t depth = layout.depth;
        const bool indexed = depth == 1 || depth == 4 || depth == 8;
        const bool direct = depth == 16 || depth == 24 || depth == 32;
        bool good = false;
        switch (layout.packing) {
            case Packing::None:
                good = indexed || direct;
                break;
            case Packing::RunLength8:
                good = depth == 8 && !layout.top_down;
                break;
            case Packing::RunLength4:
                good = depth == 4 && !layout.top_down;
                break;
            case Packing::Masks:
            case Packing::MasksWithAlpha:
                good = depth == 16 || depth == 32;
                break;
        }
        if (!good) {
            throw_unsupported(name_, "a BMP of kind " + std::to_string(static_cast<std::uint32_t>(layout.packing)) +
                                         " with " + std::to_string(depth) + " bits per pixel");
        }
    }

    void read_masks(Layout& layout, std::size_t header_bytes) const {
        if (layout.packing == Packing::Masks || layout.packing == Packing::MasksWithAlpha) {
            // After a short header or inside a long one, at the same place. A short one has alpha only when it says so.
            const bool alpha = layout.packing == Packing::MasksWithAlpha || header_bytes >= 56;
            for (std::size_t i = 0; i < (alpha ? 4U : 3U); ++i) {
                layout.masks[i].bits = u32(54 + 4 * i);
            }
        } else if (layout.depth == 16) {
            layout.masks = {Mask{0x7c00}, Mask{0x03e0}, Mask{0x001f}, Mask{0}};
        } else {
            layout.masks = {Mask{0xff0000}, Mask{0x00ff00}, Mask{0x0000ff}, Mask{0}};
        }
    }

    void read_palette(Layout& layout, std::size_t header_bytes, bool old) const {
        const std::size_t entry_bytes = old ? 3 : 4;
        const std::size_t most = std::size_t{1} << layout.depth;
        const std::size_t stated = old ? 0 : u32(46);
        layout.palette.resize(most);  // indices beyond the stated ones are black
        for (std::size_t i = 0; i < (stated == 0 ? most : std::min(stated, most)); ++i) {
            const std::size_t at = kFileHeaderBytes + header_bytes + i * entry_bytes;
            if (at + 3 > bytes_.size()) {
                throw_truncated(name_);
            }
            layout.palette[i] = {bytes_[at + 2], bytes_[at + 1], bytes_[at]};
        }
    }

    Bytes bytes_;
    ByteReader reader_;
    const std::string& name_;
};

std::int64_t stored_row(const Layout& layout, std::int64_t y) {
    return layout.top_down ? y : layout.size.height - 1 - y;
}

void put_index(const Layout& layout, std::uint32_t index, std::byte* pixel) {
    std::copy_n(layout.palette[index].begin(), 3, pixel);
}

void decode_rows(Bytes bytes, const Layout& layout, Raster& raster, const std::string& name) {
    const auto width = static_cast<std::uint64_t>(layout.size.width);
    const std::uint64_t row_bytes = (width * layout.depth + 31) / 32 * 4;
    const std::uint64_t needed = row_bytes * static_cast<std::uint64_t>(layout.size.height);
    if (layout.pixels_at > bytes.size() || bytes.size() - layout.pixels_at < needed) {
        throw_truncated(name);
    }
    for (std::int64_t y = 0; y < layout.size.height; ++y) {
        const std::byte* in = bytes.data() + layout.pixels_at + row_bytes * static_cast<std::uint64_t>(y);
        std::byte* out = raster.row(stored_row(layout, y));
        for (std::uint64_t x = 0; x < width; ++x, out += raster.channels) {
            if (layout.depth <= 8) {
                const std::uint64_t bit = x * layout.depth;
                const auto shift = static_cast<int>(8 - layout.depth - bit % 8);
                put_index(layout, std::to_integer<std::uint32_t>(in[bit / 8]) >> shift & ((1U << layout.depth) - 1),
                          out);
                continue;
            }
            std::uint32_t word = 0;
            for (std::uint32_t i = 0; i < layout.depth / 8; ++i) {
                word |= std::to_integer<std::uint32_t>(in[x * (layout.depth / 8) + i]) << (8 * i);
            }
            for (int channel = 0; channel < raster.channels; ++channel) {
                out[channel] = layout.masks[static_cast<std::size_t>(channel)].sample(word);
            }
        }
    }
}

/// Runs of one byte, literal stretches, and moves; what a move skips keeps colour 0.
void decode_runs(Bytes bytes, const Layout& layout, Raster& raster, const std::string& name) {
    // The longest run takes two bytes, so a small file cannot hold a large picture.
    if (layout.size.height * layout.size.width > static_cast<std::int64_t>(bytes.size()) * 128) {
        throw_truncated(name);
    }
    for (std::int64_t y = 0; y < layout.size.height; ++y) {
        for (std::int64_t x = 0; x < layout.size.width; ++x) {
            put_index(layout, 0, raster.row(y) + 3 * x);
        }
    }
    std::size_t at = layout.pixels_at;
    const auto next = [&] {
        if (at >= bytes.size()) {
            throw_truncated(name);
        }
        return std::to_integer<std::uint32_t>(bytes[at++]);
    };
    std::int64_t x = 0;
    std::int64_t y = 0;
    const auto put = [&](std::uint32_t index) {
        if (x >= layout.size.width || y >= layout.size.height) {
            throw_damaged(name, "its runs leave the picture");
        }
        put_index(layout, index, raster.row(stored_row(layout, y)) + 3 * x);
        ++x;
    };
    const bool nibbles = layout.depth == 4;
    const auto part = [nibbles](std::uint32_t byte, std::uint32_t i) {
        return nibbles ? (i % 2 == 0 ? byte >> 4 : byte & 0xf) : byte;
    };
    for (;;) {
        const std::uint32_t count = next();
        const std::uint32_t value = next();
        if (count > 0) {
            for (std::uint32_t i = 0; i < count; ++i) {
                put(part(value, i));
            }
        } else if (value == 0) {  // end of the row
            x = 0;
            ++y;
        } else if (value == 1) {  // end of the picture
            return;
        } else if (value == 2) {  // move
            x += next();
            y += next();
        } else {  // literal pixels, padded to two bytes
            const std::size_t start = at;
            std::uint32_t byte = 0;
            for (std::uint32_t i = 0; i < value; ++i) {
                byte = !nibbles || i % 2 == 0 ? next() : byte;
                put(part(byte, i));
            }
            at += (at - start) % 2;
        }
    }
}

/// Many programs leave the fourth byte at 0 although the header names it alpha: invisible pictures are not meant.
bool alpha_is_unused(const Raster& raster) {
    for (std::int64_t y = 0; y < raster.size.height; ++y) {
        const std::byte* row = raster.row(y);
        for (std::int64_t x = 0; x < raster.size.width; ++x) {
            if (row[4 * x + 3] != std::byte{0}) {
                return false;
            }
        }
    }
    return true;
}

void put_number(std::vector<std::byte>& bytes, std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
        bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
}

/// The colour profile inside a file whose header is of version 5, empty when there is none.
Bytes embedded_profile(Bytes bytes) {
    constexpr std::uint32_t kVersion5 = 124;
    constexpr std::uint32_t kEmbedded = 0x4d424544;  // "MBED"
    const ByteReader reader(bytes, true);
    if (reader.u32(kFileHeaderBytes) != kVersion5 || reader.u32(70) != kEmbedded) {
        return {};
    }
    const std::size_t offset = kFileHeaderBytes + std::size_t{reader.u32(126).value_or(0)};
    return offset < bytes.size()
               ? bytes.subspan(offset, std::min<std::size_t>(bytes.size() - offset, reader.u32(130).value_or(0)))
               : Bytes();
}

}  // namespace

Header bmp_header(Bytes bytes, const std::string& name) { return {HeaderReader(bytes, name).read().size}; }

Raster decode_bmp(Bytes bytes, const Header&, const std::string& name) {
    const Layout layout = HeaderReader(bytes, name).read();
    const bool has_alpha = layout.depth > 8 && layout.masks[3].bits != 0;
    Raster raster(layout.size, 8, 3, has_alpha ? 4 : 3);
    const bool runs = layout.packing == Packing::RunLength8 || layout.packing == Packing::RunLength4;
    runs ? decode_runs(bytes, layout, raster, name) : decode_rows(bytes, layout, raster, name);
    raster.has_alpha = has_alpha && !alpha_is_unused(raster);
    raster.conversion = profile_conversion(embedded_profile(bytes), 3, name, raster.notes);
    return raster;
}

bool fits_bmp(Size size) {
    constexpr std::uint64_t kMostBytes = 0xffffffff;
    const std::uint64_t row_bytes = (static_cast<std::uint64_t>(size.width) * 3 + 3) / 4 * 4;
    return row_bytes * static_cast<std::uint64_t>(size.height) + kFileHeaderBytes + kInfoHeaderBytes <= kMostBytes;
}

std::vector<std::byte> encode_bmp(const Raster& raster) {
    const std::size_t row_bytes = (raster.row_bytes() + 3) / 4 * 4;
    const std::uint64_t pixel_bytes = row_bytes * static_cast<std::uint64_t>(raster.size.height);
    constexpr std::size_t kHeaders = kFileHeaderBytes + kInfoHeaderBytes;
    std::vector<std::byte> bytes;
    bytes.reserve(kHeaders + pixel_bytes);
    put_number(bytes, 'B' | 'M' << 8, 2);
    put_number(bytes, static_cast<std::uint32_t>(pixel_bytes + kHeaders), 4);
    put_number(bytes, 0, 4);
    put_number(bytes, kHeaders, 4);
    put_number(bytes, kInfoHeaderBytes, 4);
    put_number(bytes, static_cast<std::uint32_t>(raster.size.width), 4);
    put_number(bytes, static_cast<std::uint32_t>(raster.size.height), 4);
    put_number(bytes, 1, 2);
    put_number(bytes, 24, 2);
    put_number(bytes, 0, 4);  // not packed
    put_number(bytes, static_cast<std::uint32_t>(pixel_bytes), 4);
    constexpr std::uint32_t kPixelsPerMetre = 2835;  // 72 dpi
    put_number(bytes, kPixelsPerMetre, 4);
    put_number(bytes, kPixelsPerMetre, 4);
    put_number(bytes, 0, 4);
    put_number(bytes, 0, 4);
    for (std::int64_t y = raster.size.height - 1; y >= 0; --y) {
        const std::byte* row = raster.row(y);
        for (std::int64_t x = 0; x < raster.size.width; ++x, row += 3) {
            bytes.insert(bytes.end(), {row[2], row[1], row[0]});
        }
        bytes.resize(bytes.size() + row_bytes - raster.row_bytes());
    }
    return bytes;
}

}  // namespace reverie::image
