// TIFF through libtiff: what has 8 or 16 bits of grey or RGB is read sample by sample; rarer kinds (palettes, 1 to 4
// bits, YCbCr, CMYK, Lab) as libtiff's own 8-bit RGBA.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "image/codecs.h"
#include "image/color_profile.h"
#include "image/comment.h"
#include "image/srgb_profile.h"
#include "image/tiff_pages.h"

namespace reverie::image {
namespace {

constexpr int kMostChannels = 16;

std::uint32_t number(TIFF* tiff, std::uint32_t tag) {
    std::uint16_t small = 0;
    TIFFGetFieldDefaulted(tiff, tag, &small);
    return small;
}

class TiffReader {
  public:
    TiffReader(Bytes bytes, std::string name) : file_(bytes), tiff_(file_.handle()), name_(std::move(name)) {
        if (tiff_ == nullptr) {
            fail();
        }
        choice_ = choose_picture(file_, name_);
        refuse_unreadable_kind(tiff_, name_);
    }

    Header header() {
        std::uint32_t width = 0;
        std::uint32_t height = 0;
        TIFFGetField(tiff_, TIFFTAG_IMAGEWIDTH, &width);
        TIFFGetField(tiff_, TIFFTAG_IMAGELENGTH, &height);
        return {{height, width}, choice_.orientation};
    }

    Raster read(Size size) {
        const std::uint32_t bits = number(tiff_, TIFFTAG_BITSPERSAMPLE);
        const std::uint32_t format = number(tiff_, TIFFTAG_SAMPLEFORMAT);
        if (bits > 16 || (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)) {
            throw_unsupported(name_, std::to_string(bits) + "-bit " +
                                         (format == SAMPLEFORMAT_IEEEFP ? "floating-point"
                                          : format == SAMPLEFORMAT_INT  ? "signed"
                                                                        : "") +
                                         " samples");
        }
        const std::uint32_t kind = number(tiff_, TIFFTAG_PHOTOMETRIC);
        const bool grey = kind == PHOTOMETRIC_MINISBLACK || kind == PHOTOMETRIC_MINISWHITE;
        const bool inks = kind == PHOTOMETRIC_SEPARATED && number(tiff_, TIFFTAG_INKSET) == INKSET_CMYK &&
                          number(tiff_, TIFFTAG_SAMPLESPERPIXEL) >= 4;
        const bool plain = (bits == 8 || bits == 16) && (grey || inks || kind == PHOTOMETRIC_RGB);
        Raster raster = plain ? read_samples(size, static_cast<int>(bits), grey ? 1 : inks ? 4 : 3) : read_rgba(size);
        if (plain && kind == PHOTOMETRIC_MINISWHITE) {
            invert_grey(raster);
        }
        read_colors(raster, kind);
        read_metadata(raster);
        return raster;
    }

  private:
    [[noreturn]] void fail() const {
        if (file_.read_past_end()) {
            throw_truncated(name_);
        }
        throw_damaged(name_, *file_.fault() != '\0' ? file_.fault() : "its pixels cannot be read");
    }

    /// Also after calls that succeeded: libtiff goes on after complaints that mean wrong pixels.
    void check(bool succeeded) const {
        if (!succeeded || *file_.fault() != '\0') {
            fail();
        }
    }

    Raster read_samples(Size size, int bits, int colors) {
        const auto channels = static_cast<int>(number(tiff_, TIFFTAG_SAMPLESPERPIXEL));
        if (channels < colors || channels > kMostChannels) {
            throw_unsupported(name_, std::to_string(channels) + " channels in a TIFF");
        }
        Raster raster(size, bits, colors, channels);
        read_extra_meaning(raster);
        const bool separate = number(tiff_, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE && channels > 1;
        for (int plane = 0; plane < (separate ? channels : 1); ++plane) {
            TIFFIsTiled(tiff_) != 0 ? read_tiles(raster, plane, separate) : read_strips(raster, plane, separate);
        }
        return raster;
    }

    /// Which of the channels beyond the colours is alpha; a channel of no stated meaning is none.
    void read_extra_meaning(Raster& raster) {
        std::uint16_t count = 0;
        const std::uint16_t* meaning = nullptr;
        TIFFGetFieldDefaulted(tiff_, TIFFTAG_EXTRASAMPLES, &count, &meaning);
        if (raster.channels > raster.colors && count > 0 && meaning[0] != EXTRASAMPLE_UNSPECIFIED) {
            raster.has_alpha = true;
            raster.premultiplied = meaning[0] == EXTRASAMPLE_ASSOCALPHA;
        }
        if (raster.channels > raster.colors + (raster.has_alpha ? 1 : 0)) {
            raster.notes.push_back("'" + name_ + "' has further channels of unknown meaning, which are ignored");
        }
    }

    void read_strips(Raster& raster, int plane, bool separate) {
        const std::int64_t height = raster.size.height;
        std::uint32_t stated_rows = 0;
        TIFFGetFieldDefaulted(tiff_, TIFFTAG_ROWSPERSTRIP, &stated_rows);
        const std::int64_t rows = std::clamp<std::int64_t>(stated_rows, 1, height);
        const std::size_t row_bytes = raster.row_bytes() / static_cast<std::size_t>(separate ? raster.channels : 1);
        const auto buffer =
            std::make_unique_for_overwrite<std::byte[]>(separate ? row_bytes * static_cast<std::size_t>(rows) : 0);
        for (std::int64_t y = 0; y < height; y += rows) {
            const std::int64_t here = std::min(rows, height - y);
            const auto wanted = static_cast<tmsize_t>(row_bytes * static_cast<std::size_t>(here));
            const std::uint32_t strip =
                TIFFComputeStrip(tiff_, static_cast<std::uint32_t>(y), static_cast<std::uint16_t>(plane));
            void* target = separate ? buffer.get() : raster.row(y);
            check(TIFFReadEncodedStrip(tiff_, strip, target, wanted) == wanted);
            if (separate) {
                scatter(buffer.get(), row_bytes, raster, plane, {here, raster.size.width}, 0, y);
            }
        }
    }

    void read_tiles(Raster& raster, int plane, bool separate) {
        std::uint32_t tile_width = 0;
        std::uint32_t tile_height = 0;
        TIFFGetField(tiff_, TIFFTAG_TILEWIDTH, &tile_width);
        TIFFGetField(tiff_, TIFFTAG_TILELENGTH, &tile_height);
        const auto bytes = static_cast<std::uint64_t>(std::max<tmsize_t>(TIFFTileSize(tiff_), 0));
        const std::size_t row_bytes = std::size_t{tile_width} * static_cast<std::size_t>(raster.bits / 8) *
                                      static_cast<std::size_t>(separate ? 1 : raster.channels);
        constexpr std::uint64_t kUsualTileBytes = 64 << 20;
        const std::uint64_t picture_bytes = raster.row_bytes() * static_cast<std::uint64_t>(raster.size.height);
        if (bytes == 0 || bytes != row_bytes * tile_height || bytes > std::max(kUsualTileBytes, 4 * picture_bytes)) {
            throw_damaged(name_, "its tiles have an impossible size");
        }
        const auto buffer = std::make_unique_for_overwrite<std::byte[]>(bytes);
        for (std::int64_t y = 0; y < raster.size.height; y += tile_height) {
            for (std::int64_t x = 0; x < raster.size.width; x += tile_width) {
                const std::uint32_t tile =
                    TIFFComputeTile(tiff_, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                                    static_cast<std::uint16_t>(plane));
                check(TIFFReadEncodedTile(tiff_, tile, buffer.get(), static_cast<tmsize_t>(bytes)) ==
                      static_cast<tmsize_t>(bytes));
                const Size part = {std::min<std::int64_t>(tile_height, raster.size.height - y),
                                   std::min<std::int64_t>(tile_width, raster.size.width - x)};
                scatter(buffer.get(), row_bytes, raster, separate ? plane : -1, part, x, y);
            }
        }
    }

    /// Copies a part to (x, y) of the raster: one channel of it, or with plane -1 all of them.
    static void scatter(const std::byte* part, std::size_t part_row_bytes, Raster& raster, int plane, Size size,
                        std::int64_t x, std::int64_t y) {
        const auto sample = static_cast<std::size_t>(raster.bits / 8);
        const std::size_t pixel = sample * static_cast<std::size_t>(raster.channels);
        for (std::int64_t row = 0; row < size.height; ++row) {
            const std::byte* source = part + static_cast<std::size_t>(row) * part_row_bytes;
            std::byte* target = raster.row(y + row) + static_cast<std::size_t>(x) * pixel;
            if (plane < 0) {
                std::copy_n(source, static_cast<std::size_t>(size.width) * pixel, target);
                continue;
            }
            target += static_cast<std::size_t>(plane) * sample;
            for (std::int64_t column = 0; column < size.width; ++column, source += sample, target += pixel) {
                std::copy_n(source, sample, target);
            }
        }
    }

    Raster read_rgba(Size size) {
        TIFFRGBAImage image = {};
        std::array<char, 1024> reason = {};
        const bool known = TIFFRGBAImageOK(tiff_, reason.data()) != 0;
        if (!known || TIFFRGBAImageBegin(&image, tiff_, 1 /* stop at a fault */, reason.data()) == 0) {
            check(!file_.read_past_end());
            if (known) {
                check(true);
            }
            throw_unsupported(name_, std::string("an unusual TIFF (") + reason.data() + ")");
        }
        const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&image, &TIFFRGBAImageEnd);
        image.req_orientation = image.orientation;  // rows as stored; our caller turns them
        Raster raster(size, 8, 3, 4);
        raster.has_alpha = image.alpha != 0;
        raster.premultiplied = raster.has_alpha;
        check(TIFFRGBAImageGet(&image, reinterpret_cast<std::uint32_t*>(raster.data.get()), image.width,
                               image.height) != 0);
        // One word per pixel, red lowest: to bytes in that order, whatever the machine's.
        for (std::int64_t y = 0; y < size.height; ++y) {
            std::byte* row = raster.row(y);
            for (std::int64_t x = 0; x < size.width; ++x, row += 4) {
                std::uint32_t word = 0;
                std::memcpy(&word, row, 4);
                for (int channel = 0; channel < 4; ++channel) {
                    row[channel] = static_cast<std::byte>(word >> (8 * channel));
                }
            }
        }
        return raster;
    }

    static void invert_grey(Raster& raster) {
        const auto sample = static_cast<std::size_t>(raster.bits / 8);
        const std::size_t pixel = sample * static_cast<std::size_t>(raster.channels);
        const std::size_t total = raster.row_bytes() * static_cast<std::size_t>(raster.size.height);
        for (std::size_t at = 0; at < total; at += pixel) {
            for (std::size_t i = 0; i < sample; ++i) {
                raster.data[at + i] = ~raster.data[at + i];
            }
        }
    }

    void read_colors(Raster& raster, std::uint32_t kind) {
        const bool lab = kind == PHOTOMETRIC_CIELAB || kind == PHOTOMETRIC_ICCLAB || kind == PHOTOMETRIC_ITULAB;
        std::uint32_t length = 0;
        const void* profile = nullptr;
        // Lab needs no profile, and libtiff has made sRGB of it.
        if (!lab && TIFFGetField(tiff_, TIFFTAG_ICCPROFILE, &length, &profile) == 1) {
            raster.conversion = profile_conversion({static_cast<const std::byte*>(profile), length}, raster.colors,
                                                   name_, raster.notes);
        }
        if (kind == PHOTOMETRIC_SEPARATED && raster.conversion == nullptr) {
            raster.conversion = raster.colors == 4 ? plain_inks() : nullptr;
            raster.notes.push_back(plain_inks_note(name_));
        }
    }

    void read_metadata(Raster& raster) {
        const char* description = nullptr;
        if (TIFFGetField(tiff_, TIFFTAG_IMAGEDESCRIPTION, &description) == 1 && description != nullptr) {
            raster.text = from_comment(description);
        }
        if (!choice_.note.empty()) {
            raster.notes.push_back(choice_.note);
        }
    }

    TiffFile file_;
    TIFF* tiff_;
    std::string name_;
    TiffChoice choice_;
};

}  // namespace

Header tiff_header(Bytes bytes, const std::string& name) { return TiffReader(bytes, name).header(); }

Raster decode_tiff(Bytes bytes, const Header& header, const std::string& name) {
    return TiffReader(bytes, name).read(header.size);
}

std::vector<std::byte> encode_tiff(const Raster& raster, const Text& text) {
    constexpr std::uint64_t kMostWith32BitOffsets = 4'000'000'000;
    const bool big = raster.row_bytes() * static_cast<std::uint64_t>(raster.size.height) > kMostWith32BitOffsets;
    constexpr std::size_t kStripBytes = 1 << 18;
    const auto rows =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(kStripBytes / raster.row_bytes()), 1, raster.size.height);
    TiffFile file(big);
    TIFF* tiff = file.handle();
    bool good = tiff != nullptr;
    const auto set = [&](std::uint32_t tag, auto value) { good = good && TIFFSetField(tiff, tag, value) == 1; };
    set(TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(raster.size.width));
    set(TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(raster.size.height));
    set(TIFFTAG_BITSPERSAMPLE, raster.bits);
    set(TIFFTAG_SAMPLESPERPIXEL, raster.channels);
    set(TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    set(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    set(TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    set(TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
    set(TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    set(TIFFTAG_ZIPQUALITY, 3);  // a few per cent larger than the best and several times faster
    set(TIFFTAG_ROWSPERSTRIP, static_cast<std::uint32_t>(rows));
    const Bytes profile = srgb_profile();
    good =
        good && TIFFSetField(tiff, TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(profile.size()), profile.data()) == 1;
    if (raster.has_alpha) {
        const std::uint16_t meaning = EXTRASAMPLE_UNASSALPHA;
        good = good && TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &meaning) == 1;
    }
    if (const std::string description = to_comment(text); !description.empty()) {
        set(TIFFTAG_IMAGEDESCRIPTION, description.c_str());
    }
    std::vector<std::byte> strip;  // libtiff predicts in place
    for (std::int64_t y = 0; good && y < raster.size.height; y += rows) {
        strip.assign(raster.row(y), raster.row(std::min(y + rows, raster.size.height)));
        good = TIFFWriteEncodedStrip(tiff, static_cast<std::uint32_t>(y / rows), strip.data(),
                                     static_cast<tmsize_t>(strip.size())) >= 0;
    }
    good = good && TIFFWriteDirectory(tiff) == 1;
    std::vector<std::byte> bytes = tiff != nullptr ? file.close() : std::vector<std::byte>();
    if (!good || *file.fault() != '\0') {
        throw_unwritable("TIFF", *file.fault() != '\0' ? file.fault() : "libtiff gave no reason");
    }
    return bytes;
}

}  // namespace reverie::image
